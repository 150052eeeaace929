# What the recording shows, run for real: copy, dev, a request, a resource, an update. $1 is a clone
# of the template whose latest release is not checked out yet; it runs in an empty folder.
export PS1='' TEMPLATE=$1 PORT=$2
CLEAR='\033[H\033[2J'

type() { # show a command as if it were typed, then run it
    printf '\033[1;32m$\033[0m '
    local shown=${2:-$1}
    for ((at = 0; at < ${#shown}; at++)); do
        printf '%s' "${shown:at:1}"
        sleep 0.02
    done
    sleep 0.4
    echo
    eval "$1"
    sleep 0.5
}

say() { printf "$CLEAR\033[1;36m# %s\033[0m\n\n" "$1"; sleep 1; }

say 'A service from a few answers'
type 'uvx --quiet copier copy --quiet --defaults --vcs-ref 999.0.0 "$TEMPLATE" blog-api' 'uvx copier copy --defaults $TEMPLATE blog-api'
type 'cd blog-api && git init --quiet && git add --all && git commit --quiet --message "Render blog-api"'
type 'uv run --quiet poe -q dev --port $PORT &' 'uv run poe dev &'
until curl --silent --output /dev/null "http://127.0.0.1:$PORT/health/ready"; do sleep 0.2; done
sleep 2

say 'It serves, on a PostgreSQL of its own'
API=http://127.0.0.1:$PORT
type 'curl -s $API/auth/register --json '"'"'{"email": "ada@example.com", "name": "Ada", "password": "correct horse battery"}'"'"' | jq -c'
type 'TOKEN=$(curl -s $API/auth/token -d username=ada@example.com -d "password=correct horse battery" | jq -r .access_token)'
type 'curl -s $API/posts -H "Authorization: Bearer $TOKEN" --json '"'"'{"title": "Hello", "body": "World"}'"'"' | jq -c'
type 'curl -s $API/posts -H "Authorization: Bearer $TOKEN" --json '"'"'{"title": ""}'"'"' | jq'
sleep 3
kill -INT %1
wait

say 'One command adds a resource: from the model to its tests'
type 'uv run --quiet poe -q resource invoices "number:str(40):unique amount:decimal(12,2)" | grep lines'
type 'uv run --quiet poe -q migrate'
type 'uv run --quiet pytest -q -k invoice 2>&1 | tail -1'
git add --all && git commit --quiet --message 'Add invoices'
sleep 3

say 'Months later: your rule, and a fix of the template, in one file'
sed -i 's/    post = await _owned(db, post_id, editor)/&\n    audit(post, editor)  # a line of mine/' app/services/posts.py
git commit --quiet --all --message 'Audit changes of posts'
type 'git diff --unified=0 HEAD~1 -- app/services/posts.py | tail -2'
type 'uv run --quiet poe -q update --defaults'
type 'git diff --staged --unified=0 -- app/services/posts.py | tail -2'
type 'grep -n "a line of mine" app/services/posts.py'
sleep 4
