# What the recording shows, run for real: copy, dev, a request, a resource, an update. $1 is a clone
# of the template, whose latest release is not $2; it runs in an empty folder.
export PS1='' UV_NO_PROGRESS=1 TEMPLATE=$1 VERSION=$2 PORT=$3
CLEAR='\033[H\033[2J'

type() { # show a command as if it were typed, then run it
    printf '\033[1;32m$\033[0m '
    local shown=${2:-$1}
    for ((at = 0; at < ${#shown}; at += 2)); do
        printf '%s' "${shown:at:2}"
        sleep 0.03
    done
    sleep 0.3
    echo
    eval "$1"
    hold 1
}

hold() { # output that shows nothing, or the recording would cut the pause
    for ((half = 0; half < $1 * 2; half++)); do
        sleep 0.5
        printf '\033[0m'
    done
}

say() { printf "$CLEAR\033[1;36m# %s\033[0m\n\n" "$1"; }

say 'A service, and a PostgreSQL of its own'
type 'uvx --quiet copier copy --quiet --defaults --vcs-ref "$VERSION" "$TEMPLATE" blog-api' 'uvx copier copy --defaults $TEMPLATE blog-api'
type 'cd blog-api && git init --quiet && git add --all && git commit --quiet --message "Render blog-api"'
type 'uv run --quiet poe -q dev --port $PORT >dev.log 2>&1 &' 'uv run poe dev >dev.log &'
API=http://127.0.0.1:$PORT
until curl --silent --output /dev/null "$API/health/ready"; do sleep 0.2; done
curl -s $API/auth/register --json '{"email": "ada@example.com", "name": "Ada", "password": "correct horse battery"}' >/dev/null
ADA="Authorization: Bearer $(curl -s $API/auth/token -d username=ada@example.com -d 'password=correct horse battery' | jq -r .access_token)"
type 'curl -s $API/posts -H "$ADA" --json '"'"'{"title": "Hello", "body": "World"}'"'"' | jq -c'
type 'curl -s $API/posts -H "$ADA" --json '"'"'{"title": "", "body": "World"}'"'"' | jq'
hold 3
kill -INT %1
wait

say 'One command adds a resource: from the model to its tests'
FIELDS='"number:str(40):unique amount:decimal(12,2)" | grep lines'
type "uv run --quiet poe -q resource invoices $FIELDS" "uv run poe resource invoices $FIELDS"
type 'uv run --quiet poe -q migrate 2>/dev/null' 'uv run poe migrate'
type 'uv run --quiet pytest -q -k invoice 2>&1 | tail -1' 'uv run pytest -q -k invoice | tail -1'
git add --all && git commit --quiet --message 'Add invoices'
hold 3

say 'Later: a line of yours, and a fix of the template, in one file'
sed -i 's/^    return await post_repo.save(db, post)$/    post.title = post.title.strip()  # a line of mine\n&/' app/services/posts.py
git commit --quiet --all --message 'Strip titles'
type 'git show --unified=0 | tail -1'
type 'uv run --quiet poe -q update --defaults' 'uv run poe update'
type 'git diff --staged --unified=0 app/services/posts.py | tail -2'
type 'grep "a line of mine" app/services/posts.py'
hold 5
