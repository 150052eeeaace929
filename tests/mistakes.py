"""Mistakes that a maintainer could make, and the test that notices each. See `nox -s mutants`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

type Edit = Callable[[Path], None]


@dataclass(frozen=True)
class Mutant:
    mistake: str
    edit: Edit  # of a clone of this repository, or (IN_SERVICE) of a rendered service
    killer: str  # the test that must fail then


def swap(path: str, old: str, new: str) -> Edit:
    def edit(clone: Path) -> None:
        text = (clone / path).read_text()
        assert old in text, f"{path} does not say {old!r} any more: mend the mutant"
        (clone / path).write_text(text.replace(old, new, 1))

    return edit


def append(path: str, text: str) -> Edit:
    def edit(clone: Path) -> None:
        with (clone / path).open("a") as file:
            file.write(text)

    return edit


def add(path: str, text: str = "# new\n") -> Edit:
    def edit(clone: Path) -> None:
        assert not (clone / path).exists()
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text(text)

    return edit


def move(path: str, to: str) -> Edit:
    def edit(clone: Path) -> None:
        (clone / path).rename(clone / to)

    return edit


def remove(path: str) -> Edit:
    return lambda clone: (clone / path).unlink()


def both(*edits: Edit) -> Edit:
    def edit(clone: Path) -> None:
        for each in edits:
            each(clone)

    return edit


COPIER = "copier.yml"
README = "template/README.md.jinja"
UPDATE = "template/devtools/update"
MERGING = "tests/updates/test_merging.py"
GITHUB = "template/{% if github %}.github{% endif %}"
BASELINE = "template/alembic/versions/0001_accounts.py"
COLUMN = '        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),\n'
POE_UPDATE = "tests/rendered/test_poe_update.py"
MIGRATIONS = "tests/rendered/test_migrations.py"

MUTANTS = [
    # A template that renders the wrong thing
    Mutant(
        "a wrong variable",
        swap("template/app/config.py.jinja", "{{ slug }}", "{{ author }}"),
        "tests/static/test_questions.py::test_each_name_stands_where_it_belongs",
    ),
    Mutant(
        "a variable that no question sets",
        swap(README, "{{ description }}", "{{ summary }}"),
        "tests/static/test_hygiene.py::test_templates_name_only_what_is_asked",
    ),
    Mutant(
        "names in a file that is not a template",
        append("template/AGENTS.md", "{{ service_name }}\n"),
        "tests/static/test_hygiene.py::test_no_jinja_is_left",
    ),
    Mutant(
        "a slug that was typed into the lock",
        swap("template/uv.lock.jinja", '"{{ slug }}"', '"blog-api"'),
        "tests/static/test_questions.py::test_each_name_stands_where_it_belongs",
    ),
    Mutant(
        "a stray blank line at the end",
        append("template/SECURITY.md", "\n"),
        "tests/static/test_hygiene.py::test_text_ends_in_one_newline_and_lines_in_no_space",
    ),
    Mutant(
        "a blank line too many between functions",
        swap("template/app/main.py", "\n\n\n", "\n\n\n\n"),
        "tests/static/test_hygiene.py::test_python_is_formatted_and_linted",
    ),
    Mutant(
        "a space at the end of a line",
        swap("template/AGENTS.md", "\n", " \n"),
        "tests/static/test_hygiene.py::test_text_ends_in_one_newline_and_lines_in_no_space",
    ),
    Mutant(
        "a YAML file that does not parse",
        append(f"{GITHUB}/workflows/ci.yml", "}{\n"),
        "tests/static/test_hygiene.py::test_data_files_parse",
    ),
    Mutant(
        "a name that Windows refuses",
        add("template/app/aux.py", ""),
        "tests/static/test_hygiene.py::test_names_are_legal_everywhere",
    ),
    Mutant(
        "an import that is not used",
        append("template/app/errors.py", "\nimport json\n"),
        "tests/static/test_hygiene.py::test_python_is_formatted_and_linted",
    ),
    # Conditions
    Mutant(
        "a condition on the wrong answer",
        move(
            "template/{% if docker %}compose.yaml{% endif %}",
            "template/{% if posts %}compose.yaml{% endif %}",
        ),
        "tests/static/test_features.py::test_a_feature_owns_its_files_and_no_others",
    ),
    Mutant(
        "a condition that was turned round",
        swap(README, "{% if github %}", "{% if not github %}"),
        "tests/static/test_features.py::test_without_a_feature_no_word_of_it_is_left",
    ),
    Mutant(
        "a condition that was forgotten",
        move("template/app/repos/{% if posts %}posts.py{% endif %}", "template/app/repos/posts.py"),
        "tests/static/test_features.py::test_a_feature_owns_its_files_and_no_others",
    ),
    Mutant(
        "a question that changes Python, and no profile with it",
        move(
            "template/devtools/routes.py", "template/devtools/{% if docker %}routes.py{% endif %}"
        ),
        "tests/static/test_pairs.py"
        "::test_the_fully_checked_profiles_hold_every_code_that_answers_can_render",
    ),
    Mutant(
        "a file with too many conditions",
        append(README, "{% if posts %}\nx\n{% endif %}\n" * 6),
        "tests/static/test_hygiene.py::test_jinja_is_rare_and_stands_on_lines_of_its_own",
    ),
    Mutant(
        "a validator that lets anything through",
        swap(COPIER, "slug in reserved_slugs.split()", "false"),
        "tests/static/test_questions.py::test_a_bad_answer_gets_a_sentence_and_nothing_is_rendered",
    ),
    # Dropped, or ahead of the database
    Mutant(
        "a dropped file",
        remove("template/scripts/seeds/users.py"),
        "tests/updates/test_removed_paths.py::test_no_path_goes_away",
    ),
    Mutant(
        "a migration that misses a column",
        swap(BASELINE, COLUMN, ""),
        "tests/rendered/test_rendered.py::test_its_migrations_apply_and_can_be_undone",
    ),
    Mutant(
        "a new column that rows cannot have",
        both(
            swap("template/app/models/users.py", "datetime | None]", "datetime]"),
            swap(BASELINE, COLUMN, COLUMN.replace("True)", "False)")),
        ),
        "tests/rendered/test_owned_services.py"
        "::test_an_owned_service_takes_the_update_and_passes_its_checks",
    ),
    Mutant(
        "a migration that updates would ship",
        swap(COPIER, "    /alembic/versions/\n", ""),
        "tests/static/test_trust.py::test_an_update_leaves_migrations_and_the_lock_alone",
    ),
    Mutant(
        "a lock that updates would replace",
        swap(COPIER, "    /uv.lock\n", ""),
        "tests/static/test_trust.py::test_an_update_leaves_migrations_and_the_lock_alone",
    ),
    # What breaks updates
    Mutant(
        "a renamed file",
        move("template/app/masking.py", "template/app/masks.py"),
        "tests/updates/test_removed_paths.py::test_no_path_goes_away",
    ),
    Mutant(
        "a file that git ignores",
        add("template/.env", "SECRET_KEY=\n"),
        "tests/static/test_hygiene.py::test_nothing_is_rendered_that_git_ignores",
    ),
    Mutant(
        "a question that was renamed",
        swap(COPIER, "author:\n", "owner:\n"),
        "tests/static/test_releases.py::test_no_question_forgets_its_answer",
    ),
    Mutant(
        "a question of another type",
        swap(COPIER, "docker:\n  type: bool", "docker:\n  type: str"),
        "tests/static/test_releases.py::test_no_question_forgets_its_answer",
    ),
    Mutant(
        "a question that is not asked any more",
        swap(COPIER, "github:\n  type: bool", "github:\n  when: false\n  type: bool"),
        "tests/static/test_releases.py::test_no_question_forgets_its_answer",
    ),
    Mutant(
        "a new feature that nobody asked for",
        append(COPIER, "\nmore:\n  type: bool\n  help: More?\n  default: true\n"),
        "tests/static/test_releases.py::test_a_new_question_is_answered_as_if_it_were_not_asked",
    ),
    Mutant(
        "a task",
        append(COPIER, "\n_tasks:\n  - echo done\n"),
        "tests/static/test_releases.py::test_nothing_is_run_and_nobody_trusted",
    ),
    Mutant(
        "a random value",
        append(README, "{{ 999999 | ans_random }}\n"),
        "tests/static/test_releases.py::test_nothing_random_or_dated_is_rendered",
    ),
    Mutant(
        "a date",
        append(README, "{{ '%Y' | strftime }}\n"),
        "tests/static/test_releases.py::test_nothing_random_or_dated_is_rendered",
    ),
    Mutant(
        "a release without its section",
        swap("CHANGELOG.md", "## 0.1.0 - ", "## 0.1.1 - "),
        "tests/static/test_releases.py::test_every_release_is_in_the_changelog_and_in_the_history",
    ),
    Mutant(
        "a file that updates leave as it was",
        swap(COPIER, "    /uv.lock\n", "    /uv.lock\n    /app/models/\n"),
        "tests/updates/test_updates.py::test_an_untouched_service_becomes_a_fresh_render",
    ),
    Mutant(
        "a file that is kept whatever the template says",
        append(COPIER, "\n_skip_if_exists:\n  - /AGENTS.md\n"),
        "tests/updates/test_updates.py::test_an_untouched_service_becomes_a_fresh_render",
    ),
    Mutant(
        "a value that each render draws anew",
        append(README, "{{ 999999999 | ans_random }}\n"),
        "tests/updates/test_updates.py::test_an_untouched_service_becomes_a_fresh_render",
    ),
    # poe update, and what stands around it
    Mutant(
        "a merge that obeys the settings of the machine",
        swap(f"{UPDATE}/merging.py", "            GIT_CONFIG_GLOBAL=os.devnull,\n", ""),
        f"{MERGING}::test_a_setting_changes_nothing[merge.verifySignatures=true]",
    ),
    Mutant(
        "an update that runs hooks",
        swap(f"{UPDATE}/pinned_git.py", '    "core.hooksPath": os.devnull,\n', ""),
        f"{MERGING}::test_a_setting_changes_nothing[hooks]",
    ),
    Mutant(
        "an update on top of uncommitted changes",
        swap(f"{UPDATE}/writing.py", "[path for _, path in changed()]:", "[]:"),
        f"{MERGING}::test_what_is_not_committed_stays",
    ),
    Mutant(
        "an update over edits that git hides",
        swap(f"{UPDATE}/writing.py", "        refuse_hidden(paths | {*merge.conflicts})\n", ""),
        f"{MERGING}::test_files_that_git_hides_are_refused_if_they_would_be_written[skip-worktree]",
    ),
    Mutant(
        "an update that overwrites what was edited after a kill",
        swap(f"{UPDATE}/writing.py", "if found == before:", "if True:"),
        f"{MERGING}::test_an_edit_after_a_kill_stays",
    ),
    Mutant(
        "migrations that an update brings",
        swap(f"{UPDATE}/rendering.py", '"/alembic/versions/", ', ""),
        f"{MERGING}::test_it_leaves_out_what_copier_leaves_out_of_its_updates",
    ),
    Mutant(
        "an update that leaves edits in files that have moved",
        swap(f"{UPDATE}/merging.py", "            unix.pop(to, None)\n", "            pass\n"),
        "tests/updates/test_moved_files.py::test_edits_in_moved_files_come_along[0.8.0-its own]",
    ),
    Mutant(
        "another text in the file of answers",
        append("template/tests/answers.py", "# More.\n"),
        "tests/static/test_releases.py::test_the_file_of_answers_never_changes",
    ),
    Mutant(
        "more lines than an owner should carry",
        append("template/app/masking.py", "MORE = 1\n" * 100),
        "tests/static/test_ceilings.py::test_lines_stay_below_their_ceiling[app]",
    ),
    Mutant(
        "a weekly update that goes on after it failed",
        swap(f"{GITHUB}/workflows/update.yml", "    shell: bash", "    working-directory: ."),
        f"{POE_UPDATE}::test_the_workflow_fails_when_it_cannot_update",
    ),
    Mutant(
        "hooks that let a conflict through",
        swap("template/.pre-commit-config.yaml", "(<<<<<<<|>>>>>>>)", "(<<<<<<<<|>>>>>>>>)"),
        f"{POE_UPDATE}::test_a_conflict_is_named_and_cannot_be_committed",
    ),
    Mutant(
        "an action that is not pinned",
        swap(
            f"{GITHUB}/workflows/update.yml",
            "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
            "actions/checkout@v7",
        ),
        "tests/static/test_linters.py::test_workflows_are_safe",
    ),
    # What only the template's own tests see of a service
    Mutant(
        "a .env for development that production reads",
        swap("template/app/config.py.jinja", '".env" if LOCAL else None', '".env"'),
        "tests/rendered/test_environment.py::test_a_file_for_development_is_not_read_in_production",
    ),
    Mutant(
        "a silent host that takes the time of the next",
        swap("template/app/db/connection.py", 'isinstance(given.get("host"), list)', "False"),
        "tests/rendered/test_database_servers.py::test_a_silent_server_does_not_hide_the_next",
    ),
    Mutant(
        "a default that is never compared",
        swap("template/alembic/env.py", 'bool(printed["default"] != default)', "False"),
        f"{MIGRATIONS}::test_other_default_is_a_difference",
    ),
    Mutant(
        "a table of others that autogenerate drops",
        swap("template/alembic/env.py", "fnmatch(str(name), other)", "name == other"),
        f"{MIGRATIONS}::test_tables_of_others_are_left_alone",
    ),
    Mutant(
        "a materialized view that is compared with the models",
        swap("template/tests/contract/test_migrations.py", "tablename = ANY(:tables) AND ", ""),
        f"{MIGRATIONS}::test_tables_of_others_are_left_alone",
    ),
]

STREAMS = "tests/contract/test_open_sessions.py"
SESSIONS = "app/services/login_sessions.py"
LATER = "+ timedelta(seconds=60) <= utc_now()"
OUTERMOST = "    app.add_middleware(RequestBoundary"
AUTH = "tests/integration/test_auth.py"
COOKIE = "tests/integration/test_refresh_cookie.py"
OUTPUT = "tests/contract/test_broken_output.py"
SQLSTATES = "tests/contract/test_sqlstates.py"
LINES = "tests/contract/test_request_lines.py"
WAITING = "tests/contract/test_waiting.py"

IN_SERVICE = [
    # Sessions
    Mutant(
        "a session that reopens after its request",
        swap("app/db/session.py", "SessionLocal.configure(close_resets_only=False)\n", ""),
        "tests/contract/test_streams.py::test_session_of_the_request_cannot_be_used_again",
    ),
    Mutant(
        "a session of a stream that reopens",
        swap("app/api/streams.py", "        close_resets_only=False,\n", ""),
        f"{STREAMS}::test_session_of_a_stream_cannot_be_used_again",
    ),
    Mutant(
        "a stream of a GET that may write",
        swap("app/api/streams.py", "sync_session_class=type(db.sync_session),", ""),
        f"{STREAMS}::test_stream_of_a_get_cannot_write",
    ),
    Mutant(
        "an event stream whose error says no remedy",
        swap("app/api/streams.py", "        explain(inner)", "        ..."),
        f"{STREAMS}::test_event_stream_with_the_session_is_refused",
    ),
    # Refresh tokens
    Mutant(
        "a used refresh token that works for ever",
        swap(SESSIONS, " or now + REUSE_INTERVAL", ""),
        f"{AUTH}::test_reuse_after_the_interval_revokes_every_tab",
    ),
    Mutant(
        "a reuse interval that each use prolongs",
        swap(SESSIONS, "valid.pop(secret_hash) or now", "valid.pop(secret_hash) and 0 or now"),
        f"{AUTH}::test_reuse_after_the_interval_revokes_every_tab",
    ),
    Mutant(
        "a reuse that revokes nothing",
        swap(SESSIONS, "        await login_session_repo.delete(db, session.id)\n", ""),
        f"{AUTH}::test_refresh_token_reuse_revokes_the_session",
    ),
    Mutant(
        "a reuse whose revocation is rolled back",
        swap(SESSIONS, "RefreshTokenReused(Recorded, ", "RefreshTokenReused("),
        f"{AUTH}::test_refresh_token_reuse_revokes_the_session",
    ),
    Mutant(
        "a second tab whose secret is thrown away",
        swap(SESSIONS, "[*valid.items()][-MOST_SECRETS:]", "[(secret_hash, valid[secret_hash])]"),
        f"{AUTH}::test_two_browser_tabs_refresh_one_token",
    ),
    Mutant(
        "a row that grows with each refresh",
        swap(SESSIONS, "[-MOST_SECRETS:]", ""),
        f"{AUTH}::test_session_keeps_few_secrets",
    ),
    Mutant(
        "a leeway that stretches a refresh token",
        swap(SESSIONS, "session.expires_at <= utc_now()", f"session.expires_at {LATER}"),
        "tests/unit/test_login_sessions.py::test_expired_session_is_not_refreshed",
    ),
    Mutant(
        "a leeway that stretches a session",
        both(
            swap(SESSIONS, "session.expires_at <= utc_now()", "session.expires_at < utc_now()"),
            swap(SESSIONS, "session.expires_at <= utc_now()", f"session.expires_at {LATER}"),
        ),
        "tests/unit/test_login_sessions.py::test_expired_session_gives_no_access",
    ),
    Mutant(
        "a leeway of two minutes",
        swap("app/tokens.py", "leeway=60,", "leeway=120,"),
        "tests/contract/test_forged_tokens.py::test_clocks_may_differ_by_a_minute",
    ),
    Mutant(
        "a reset token that works for a day",
        swap("app/tokens.py", "timedelta(hours=1)", "timedelta(days=1)"),
        "tests/contract/test_forged_tokens.py::test_reset_token_ends_an_hour_and_the_leeway_later",
    ),
    Mutant(
        "a missing cookie that is taken for reuse",
        swap("app/api/refresh_cookie.py", ' if secret else ""', ""),
        f"{COOKIE}::test_neither_half_works_alone",
    ),
    # The database
    Mutant(
        "an exclusion constraint that is no conflict",
        swap("app/api/problems.py", '"23": 409,', '"23503": 409, "23505": 409,'),
        "tests/contract/test_problems.py::test_sqlstate_decides_the_status",
    ),
    Mutant(
        "connections that a failover leaves in the pool",
        swap("app/db/connection.py", " | ReadOnlySQLTransactionError\n", "\n"),
        f"{SQLSTATES}::test_read_only_server_is_503_and_its_connection_is_replaced",
    ),
    Mutant(
        "prepared statements that a migration leaves in the pool",
        swap("app/db/connection.py", "stale = InvalidCachedStatementError | ", "stale = "),
        "tests/contract/test_transactions.py::test_changed_column_is_noticed_at_most_once",
    ),
    Mutant(
        "a stale statement that is not prepared again",
        swap("app/db/connection.py", "connection.driver_connection.is_in_transaction()", "True"),
        "tests/contract/test_transactions.py::test_changed_column_is_noticed_at_most_once",
    ),
    Mutant(
        "hosts that take the whole timeout each",
        swap("app/db/connection.py", " / len(hosts)", ""),
        "tests/contract/test_database_urls.py::test_hosts_share_the_timeout",
    ),
    Mutant(
        "a computed column that is read too late",
        swap("app/db/base.py", '{"eager_defaults": True}', "{}"),
        "tests/contract/test_computed_columns.py::test_patch_returns_a_computed_column",
    ),
    # Input, logs and pages
    Mutant(
        "JSON whose keys are not looked at",
        swap("app/schemas/base.py", "[*value, *value.values()]", "[*value.values()]"),
        "tests/unit/test_json.py::test_json_that_cannot_be_stored_is_refused",
    ),
    Mutant(
        "a crash outside CORS",
        both(
            swap("app/main.py", "    app.add_middleware(CrashBoundary)\n", ""),
            swap("app/main.py", OUTERMOST, f"    app.add_middleware(CrashBoundary)\n{OUTERMOST}"),
        ),
        "tests/contract/test_cors.py::test_crash_can_be_read_by_the_page",
    ),
    Mutant(
        "a log that waits for its reader",
        swap("app/log_output.py", "0, 0, 0.0", "0, 0, monotonic() + 60"),
        f"{OUTPUT}::test_service_starts_and_ends_without_a_log",
    ),
    Mutant(
        "a stalled log that fills the memory",
        swap("app/log_output.py", "if self.waiting + size > CAPACITY:", "if False:"),
        "tests/unit/test_log_output.py::test_line_that_cannot_be_written_is_dropped_and_counted",
    ),
    Mutant(
        "a forked process that logs nothing",
        swap("app/log_output.py", "        os.register_at_fork(after_in_child=self.start)", "#"),
        f"{OUTPUT}::test_forked_process_logs_too",
    ),
    Mutant(
        "a key of a mapping that is not masked",
        swap("app/masking.py", 'masked("", str(name)): ', "name: "),
        "tests/contract/test_masking.py::test_secret_is_masked",
    ),
    Mutant(
        "the address of a caller in every line",
        swap("app/api/middleware.py", " if self.log_client_address else None", ""),
        f"{LINES}::test_line_of_a_request_names_the_user",
    ),
    Mutant(
        "a request without its user",
        swap(SESSIONS, "    bind_contextvars(user_id=session.user_id)", "#"),
        f"{LINES}::test_line_of_a_request_names_the_user",
    ),
    Mutant(
        "a path of the proxy that the routes do not know",
        swap("app/main.py", "    app.root_path = settings.root_path\n", ""),
        "tests/contract/test_below_a_path.py::test_proxy_that_passes_the_whole_path_on",
    ),
    Mutant(
        "an ENV_FILE that is skipped when it is missing",
        swap(
            "app/config.py", "            Path(named).expanduser().read_bytes()", "            ..."
        ),
        "tests/contract/test_config.py::test_env_file_that_is_not_there_is_named",
    ),
    # Waiting
    Mutant(
        "a pool in which newcomers go first",
        swap("app/db/pool.py", "        await_(self.wait())\n", ""),
        f"{WAITING}::test_connection_goes_to_who_waits_longest",
    ),
    Mutant(
        "a turn that is lost with a detached connection",
        swap("app/db/pool.py", '@event.listens_for(Pool, "detach")\n', ""),
        f"{WAITING}::test_turn_is_given_back_however_a_connection_ends",
    ),
    Mutant(
        "a limit that starts again after a stream",
        swap("app/api/time_limit.py", 'if scope["status"] is None:', "if True:"),
        f"{WAITING}::test_work_after_a_response_has_no_limit",
    ),
    Mutant(
        "a limit that counts the time of an upload",
        swap("app/api/time_limit.py", "(scope, receive_without_limit,", "(scope, receive,"),
        f"{WAITING}::test_upload_and_stream_take_as_long_as_they_take",
    ),
    Mutant(
        "a limit of a route that is ignored",
        swap("app/api/time_limit.py", 'request.scope["timeout"].reschedule(end)', "..."),
        f"{WAITING}::test_limit_of_a_route_goes_before",
    ),
    Mutant(
        "passwords that are hashed for clients who left",
        swap("app/api/middleware.py", "        client_left.set(left)\n", ""),
        f"{WAITING}::test_nothing_is_hashed_for_a_client_who_left",
    ),
    Mutant(
        "work after a response, taken for that of a client who left",
        swap("app/api/middleware.py", 'not scope["answered"] and ', ""),
        f"{WAITING}::test_work_after_a_response_has_no_limit",
    ),
    Mutant(
        "load that becomes a lockout",
        swap(
            "app/services/passwords.py",
            "await login_attempt_service.take_back(short, attempts)",
            "...",
        ),
        f"{WAITING}::test_sign_in_waits_a_moment_for_its_turn",
    ),
    Mutant(
        "a turn that ends before its thread",
        swap("app/turns.py", "await asyncio.shield(work)", "await work"),
        f"{WAITING}::test_turn_lasts_as_long_as_its_thread",
    ),
    Mutant(
        "a ping that waits for a silent database",
        swap("app/db/connection.py", "(PING, timeout=PING_TIMEOUT)", "(PING)"),
        f"{WAITING}::test_silent_connection_is_cut_at_its_ping",
    ),
    Mutant(
        "a read behind PgBouncer without a transaction",
        swap("app/db/connection.py", 'options["isolation_level"] = "READ COMMITTED"', "..."),
        "tests/contract/test_queries.py::test_read_behind_pgbouncer_has_a_transaction",
    ),
    Mutant(
        "readiness that waits for the requests",
        swap(
            "app/db/probe.py",
            "async with engine.connect():",
            "from app.db.session import engine as busy\n\n    async with busy.connect():",
        ),
        "tests/contract/test_health.py::test_pool_timeout_is_503_and_readiness_stays",
    ),
]
