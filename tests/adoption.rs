//! Adopting the web app's database: nothing of its own changes, what does not fit is refused untouched.

use kaygia_desk::store::migrate::steps::STEPS;
use kaygia_desk::store::migrate::{self, State};
use tokio_postgres::Client;

use crate::migrate::{CATALOG, connector, list, migrate};
use crate::support::{self, Database};

/// The schema in the order of the document, as one push by the web app's tools makes it, without its indexes.
const PUSHED: &str = r#"
    CREATE TYPE "public"."role" AS ENUM('CLIENT', 'ADMIN', 'SUPER_ADMIN');
    CREATE TYPE "public"."project_status" AS ENUM('PENDING', 'APPROVED', 'IN_PROGRESS', 'REVIEW', 'COMPLETED', 'CANCELLED');
    CREATE TYPE "public"."project_type" AS ENUM('WEBSITE', 'E_COMMERCE', 'WEB_APP', 'MOBILE_APP', 'BRANDING', 'MARKETING', 'OTHER');
    CREATE TYPE "public"."ticket_status" AS ENUM('OPEN', 'PENDING', 'RESOLVED', 'CLOSED');
    CREATE TYPE "public"."comment_sender" AS ENUM('CLIENT', 'ADMIN');
    CREATE TABLE "users" ("id" text PRIMARY KEY NOT NULL, "email" text NOT NULL, "name" text, "company" text,
      "password_hash" text, "created_at" timestamp DEFAULT now() NOT NULL, "updated_at" timestamp DEFAULT now() NOT NULL,
      "last_logged_in" timestamp, "role" "role" DEFAULT 'CLIENT' NOT NULL, "email_verified" boolean DEFAULT false NOT NULL,
      "active" boolean DEFAULT true NOT NULL, CONSTRAINT "users_email_unique" UNIQUE("email"));
    CREATE TABLE "projects" ("id" text PRIMARY KEY NOT NULL, "title" text NOT NULL, "description" text,
      "status" "project_status" DEFAULT 'PENDING' NOT NULL, "client_id" text NOT NULL,
      "created_at" timestamp DEFAULT now() NOT NULL, "updated_at" timestamp DEFAULT now() NOT NULL, "start_date" timestamp,
      "end_date" timestamp, "type" "project_type" NOT NULL, "budget" real, "requirements" text);
    CREATE TABLE "support_tickets" ("id" text PRIMARY KEY NOT NULL, "ticket_number" text NOT NULL, "subject" text NOT NULL,
      "description" text NOT NULL, "status" "ticket_status" DEFAULT 'OPEN' NOT NULL, "client_id" text NOT NULL,
      "created_at" timestamp DEFAULT now() NOT NULL, "updated_at" timestamp DEFAULT now() NOT NULL,
      "last_replied_at" timestamp, CONSTRAINT "support_tickets_ticket_number_unique" UNIQUE("ticket_number"));
    CREATE TABLE "ticket_comments" ("id" text PRIMARY KEY NOT NULL, "content" text NOT NULL, "ticket_id" text NOT NULL,
      "user_id" text NOT NULL, "sender" "comment_sender" NOT NULL, "created_at" timestamp DEFAULT now() NOT NULL,
      "updated_at" timestamp DEFAULT now() NOT NULL);
    CREATE TABLE "password_resets" ("id" text PRIMARY KEY NOT NULL, "token" text NOT NULL, "user_id" text NOT NULL,
      "expires_at" timestamp NOT NULL, "used" boolean DEFAULT false NOT NULL, "created_at" timestamp DEFAULT now() NOT NULL);
    CREATE TABLE "email_verifications" ("id" text PRIMARY KEY NOT NULL, "token" text NOT NULL, "user_id" text NOT NULL,
      "expires_at" timestamp NOT NULL, "used" boolean DEFAULT false NOT NULL, "created_at" timestamp DEFAULT now() NOT NULL);
    ALTER TABLE "projects" ADD CONSTRAINT "projects_client_id_users_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;
    ALTER TABLE "support_tickets" ADD CONSTRAINT "support_tickets_client_id_users_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;
    ALTER TABLE "ticket_comments" ADD CONSTRAINT "ticket_comments_ticket_id_support_tickets_id_fk" FOREIGN KEY ("ticket_id") REFERENCES "public"."support_tickets"("id") ON DELETE cascade ON UPDATE no action;
    ALTER TABLE "ticket_comments" ADD CONSTRAINT "ticket_comments_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;
    ALTER TABLE "password_resets" ADD CONSTRAINT "password_resets_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;
    ALTER TABLE "email_verifications" ADD CONSTRAINT "email_verifications_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;
"#;

const DRIZZLE: &str = "
    CREATE SCHEMA drizzle;
    CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
    INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('aa', 1730000000000), ('bb', 1730000001000);
";

/// Rows with every oddity that database.md names: ids of any form, addresses that differ in case or are padded,
/// odd numbers of tickets, senders that disagree with roles, empty and null texts, infinite and tied timestamps.
const ODD_ROWS: &str = r#"
    INSERT INTO public.users (id, email, name, company, password_hash, role, email_verified, active) VALUES
      ('V1StGXR8_Z5jdHi6B-myT', 'Ada@Example.org', 'Ada', 'Acme', '$2b$10$abcdefghijklmnopqrstuuJ0y3m0yq6q1yQ9n2dJ8h0N8mQF1y2yW', 'ADMIN', true, true),
      ('v1stgxr8_z5jdhi6b-myt', 'ada@example.org', 'ada', NULL, '$2a$12$x', 'CLIENT', true, true),
      ('-rf', ' padded@example.org ', '', '', '$2y$11$x', 'CLIENT', false, true),
      ('..', 'dots@example.org', NULL, NULL, NULL, 'SUPER_ADMIN', false, false),
      ('', 'empty-id@example.org', E'tab\tand\nline', 'x', '', 'CLIENT', true, true),
      ('id with blanks ''"; DROP', 'q@example.org', 'Робин ''); --', NULL, NULL, 'CLIENT', true, true);
    INSERT INTO public.users (id, email, name, company) SELECT repeat('ü', 300), repeat('e', 300) || '@x', repeat('n', 100000), repeat('😀', 5000);
    INSERT INTO public.users (id, email) SELECT 'client-' || n, n || '@clients.example' FROM generate_series(1, 40) n;
    INSERT INTO public.projects (id, title, status, client_id, type, budget, start_date, end_date) VALUES
      ('p1', 'NaN', 'PENDING', '-rf', 'OTHER', 'NaN', NULL, NULL),
      ('p2', 'Infinite', 'APPROVED', '-rf', 'OTHER', 'Infinity', '-infinity', 'infinity'),
      ('p3', '', 'CANCELLED', '', 'BRANDING', -1, '2026-01-01', '2025-01-01'),
      ('p4', repeat('T', 100000), 'COMPLETED', '..', 'WEBSITE', 3.4e38, NULL, '2026-06-01 13:45:00.123456');
    INSERT INTO public.support_tickets (id, ticket_number, subject, description, status, client_id, created_at, last_replied_at) VALUES
      ('t1', 'TKT-0999', 'a', 'b', 'OPEN', '-rf', '2026-01-01 10:00:00', NULL),
      ('t2', 'TKT-1000', '', '', 'PENDING', '', '2026-01-01 10:00:00', '1970-01-01'),
      ('t3', '#7', 'closed, answered by the client since', 'b', 'CLOSED', '-rf', '2026-01-01', NULL),
      ('t4', 'SUP/2026/00042', 'a', 'b', 'RESOLVED', '..', '2026-01-01', NULL),
      ('t5', 'no digits', 'a', 'b', 'OPEN', '..', 'infinity', NULL),
      ('t6', '99999999999999999999999', 'a', 'b', 'OPEN', '..', '-infinity', NULL),
      ('t7', '', 'a', 'b', 'OPEN', '..', '9999-12-31', NULL),
      ('', 'TKT-1001', 'an empty id', 'b', 'OPEN', '..', '2026-01-01', NULL);
    INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id)
      SELECT repeat('t', 300), repeat('9', 300), repeat('s', 100000), repeat('d', 1000000), repeat('ü', 300);
    INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at) VALUES
      ('c1', 'same instant, the smaller id first', 't1', 'V1StGXR8_Z5jdHi6B-myT', 'ADMIN', '2026-01-02 10:00:00.123'),
      ('c2', 'same instant', 't1', '-rf', 'CLIENT', '2026-01-02 10:00:00.123'),
      ('C3', 'capital letters sort first', 't1', '-rf', 'CLIENT', '2026-01-02 10:00:00.123'),
      ('c4', 'a client who writes as staff', 't2', '', 'ADMIN', '2026-01-03'),
      ('c5', '', 't2', 'V1StGXR8_Z5jdHi6B-myT', 'CLIENT', '2026-01-04'),
      ('c7', 'before its ticket', 't4', '..', 'ADMIN', '2020-01-01'),
      ('', 'empty id', 't4', '..', 'CLIENT', '2026-02-01'),
      ('c8', 'for ever', 't6', '..', 'CLIENT', 'infinity');
    INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at)
      VALUES ('c6', 'thank you', 't3', '-rf', 'CLIENT', (now() AT TIME ZONE 'utc') - interval '1 day');
    INSERT INTO public.support_tickets (id, ticket_number, subject, description, status, client_id, created_at)
      SELECT 'bulk-' || n, 'B-' || n, 's', 'd', (ARRAY['OPEN','PENDING','RESOLVED','CLOSED'])[1 + n % 4]::public.ticket_status,
             'client-' || 1 + n % 40, timestamp '2026-03-01' + n * interval '1 hour' FROM generate_series(1, 2500) n;
    INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at)
      SELECT 'bulk-' || n || '-' || k, 'x', 'bulk-' || n, 'client-' || 1 + n % 40,
             (ARRAY['CLIENT','ADMIN'])[1 + (hashint4(n * 7 + k) & 1)]::public.comment_sender,
             timestamp '2026-03-01' + n * interval '1 hour' + hashint4(n + k * 13) % 50 * interval '1 minute'
        FROM generate_series(1, 2500) n, generate_series(1, 4) k WHERE (hashint4(n * 5 + k) & 3) > 0;
    INSERT INTO public.password_resets (id, token, user_id, expires_at) VALUES ('r1', 't', '-rf', 'infinity');
    INSERT INTO public.email_verifications (id, token, user_id, expires_at) VALUES ('v1', 't', '', '2020-01-01');
"#;

/// One line a row of all that is the web app's.
const ROWS: &str = "
    SELECT 'users ' || md5(string_agg(r::text, chr(10) ORDER BY id)) FROM public.users r
    UNION ALL SELECT 'projects ' || md5(string_agg(r::text, chr(10) ORDER BY id)) FROM public.projects r
    UNION ALL SELECT 'tickets ' || md5(string_agg(r::text, chr(10) ORDER BY id)) FROM public.support_tickets r
    UNION ALL SELECT 'comments ' || md5(string_agg(r::text, chr(10) ORDER BY id)) FROM public.ticket_comments r
    UNION ALL SELECT 'resets ' || md5(string_agg(r::text, chr(10) ORDER BY id)) FROM public.password_resets r
    UNION ALL SELECT 'verifications ' || md5(string_agg(r::text, chr(10) ORDER BY id)) FROM public.email_verifications r";

/// Rows of ours that differ from what they must say, and the web app's rows without one of ours.
pub const WRONG: &str = "
    SELECT coalesce(t.ticket_id, c.ticket_id), t::text, c::text
      FROM desk.tickets t
      FULL JOIN desk.compute_tickets(
        ARRAY(SELECT id FROM public.support_tickets ORDER BY id),
        ARRAY(SELECT NULL::timestamp FROM public.support_tickets)) c USING (ticket_id)
     WHERE (t.status, t.client_id, t.number, t.created_at, t.last_activity_at, t.last_comment_id, t.last_side,
            t.last_author_id, t.waiting_since, t.answered_at, t.comment_count)
       IS DISTINCT FROM
           (c.status, c.client_id, c.number, c.created_at, c.last_activity_at, c.last_comment_id, c.last_side,
            c.last_author_id, c.waiting_since, c.answered_at, c.comment_count)
    UNION ALL
    SELECT coalesce(p.id, d.project_id), NULL, NULL FROM public.projects p FULL JOIN desk.projects d ON d.project_id = p.id
     WHERE (p.status::text, p.client_id, p.end_date, lower(left(p.title, 64)))
       IS DISTINCT FROM (d.status, d.client_id, d.end_date, d.title_key)
    UNION ALL
    SELECT coalesce(u.id, d.user_id), NULL, NULL FROM public.users u FULL JOIN desk.users d ON d.user_id = u.id
     WHERE (u.role::text, u.active, desk.user_search(u.name, u.email, u.company)) IS DISTINCT FROM (d.role, d.active, d.search)";

async fn documented_steps(db: &Client) {
    for step in STEPS.iter().filter(|step| step.documented) {
        db.batch_execute(step.sql).await.unwrap();
    }
}

async fn adopt_odd_rows(database: &Database) {
    let db = &database.client;
    db.batch_execute(ODD_ROWS).await.unwrap();
    let rows = list(db, ROWS).await;
    let report = migrate(database).await;
    assert_eq!(report.state, State::Adopt);
    assert!(report.is_current());
    assert_eq!(report.applied, STEPS.iter().filter(|s| !s.documented).map(|s| s.name).collect::<Vec<_>>());
    assert_eq!(list(db, ROWS).await, rows);
    assert_eq!(list(db, WRONG).await, [""; 0]);
    assert_eq!(list(db, "SELECT count(*) FROM desk.stale").await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_grown_in_the_documented_steps_is_adopted() {
    let database = support::empty_database().await;
    let db = &database.client;
    documented_steps(db).await;
    db.batch_execute(DRIZZLE).await.unwrap();
    let before = list(db, CATALOG).await;
    adopt_odd_rows(&database).await;
    let after = list(db, CATALOG).await;
    let added: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
    assert_eq!(added.len(), 20);
    assert!(added.iter().all(|line| line.starts_with("index CREATE INDEX idx_")), "{added:?}");
    assert!(before.iter().all(|line| after.contains(line)));
    let drizzle = list(db, "SELECT hash, created_at FROM drizzle.__drizzle_migrations ORDER BY id").await;
    assert_eq!(drizzle, ["aa | 1730000000000", "bb | 1730000001000"]);
    assert!(!migrate::drizzle_baseline(&connector(&database)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_database_without_the_migration_table_is_adopted() {
    let database = support::empty_database().await;
    database.client.batch_execute(PUSHED).await.unwrap();
    database.client.batch_execute("CREATE INDEX idx_users_role ON public.users (role)").await.unwrap();
    adopt_odd_rows(&database).await;
    let own = support::database().await;
    let (adopted, made) = (list(&database.client, CATALOG).await, list(&own.client, CATALOG).await);
    assert_eq!(adopted, made);
    assert_eq!(list(&database.client, "SELECT to_regnamespace('drizzle')").await, ["∅"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_odd_rows_read_as_they_should() {
    let database = support::empty_database().await;
    let db = &database.client;
    db.batch_execute(PUSHED).await.unwrap();
    adopt_odd_rows(&database).await;
    insta::assert_snapshot!(
        list(
            db,
            "SELECT ticket_id, number_prefix, number_value, number_width, last_activity_at, last_comment_id, last_side,
                    waiting_since, answered_at IS NOT NULL, comment_count, active, queue_key
               FROM desk.tickets WHERE ticket_id ~ '^(t[1-7])?$' ORDER BY 1"
        )
        .await
        .iter()
        // The client's answer of yesterday to a closed ticket: its time is relative to the run.
        .map(|line| if line.starts_with("t3") { line.split(" | ").take(4).collect::<Vec<_>>().join(" | ") } else { line.clone() })
        .collect::<Vec<_>>()
        .join("\n")
    );
    let answered_since = "SELECT active, waiting_since = last_activity_at, waiting_since > answered_at FROM desk.tickets WHERE ticket_id = 't3'";
    assert_eq!(list(db, answered_since).await, ["t | t | t"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_with_a_list_and_left_alone() {
    let cases: [(&str, &[&str]); 9] = [
        ("DROP TABLE public.email_verifications", &["the table public.email_verifications is missing"]),
        ("ALTER TABLE public.users DROP COLUMN active", &["public.users lacks the column active"]),
        (
            "ALTER TABLE public.password_resets DROP CONSTRAINT password_resets_pkey",
            &["public.password_resets has no primary key on id"],
        ),
        (
            "ALTER TABLE public.support_tickets ALTER COLUMN created_at TYPE timestamptz",
            &["public.support_tickets.created_at is of the type pg_catalog.timestamptz, the desk needs timestamp without time zone"],
        ),
        (
            "ALTER TABLE public.projects ALTER COLUMN budget TYPE numeric",
            &["public.projects.budget is of the type pg_catalog.numeric, the desk needs real"],
        ),
        (
            "ALTER TABLE public.ticket_comments ALTER COLUMN sender TYPE text",
            &["public.ticket_comments.sender is of the type pg_catalog.text, the desk needs the enum public.comment_sender"],
        ),
        (
            "ALTER TABLE public.users ADD COLUMN tenant text NOT NULL",
            &["public.users.tenant is unknown to the desk, and has neither a default nor may be null"],
        ),
        (
            "ALTER TABLE public.support_tickets ALTER COLUMN status DROP DEFAULT, ALTER COLUMN status TYPE text;
             DROP TYPE public.ticket_status; CREATE TYPE public.ticket_status AS ENUM ('OPEN', 'PENDING', 'CLOSED')",
            &[
                "the enum public.ticket_status lacks the value RESOLVED",
                "public.support_tickets.status is of the type pg_catalog.text, the desk needs the enum public.ticket_status",
            ],
        ),
        ("DROP SCHEMA IF EXISTS desk; CREATE SCHEMA desk; CREATE TABLE desk.notes (id int)", &[
            "a schema named desk is there already, and holds something that is not the desk's",
        ]),
    ];
    for (change, expected) in cases {
        let database = support::empty_database().await;
        database.client.batch_execute(PUSHED).await.unwrap();
        database.client.batch_execute(change).await.unwrap();
        let before = (
            list(&database.client, CATALOG).await,
            list(&database.client, "SELECT nspname FROM pg_namespace ORDER BY 1").await,
        );
        let report = migrate(&database).await;
        assert_eq!(
            report.state,
            State::Refused(expected.iter().map(ToString::to_string).collect()),
            "{change}"
        );
        assert!(!report.is_current() && report.applied.is_empty());
        let after = (
            list(&database.client, CATALOG).await,
            list(&database.client, "SELECT nspname FROM pg_namespace ORDER BY 1").await,
        );
        assert_eq!(after, before, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn some_of_the_web_apps_objects_are_not_enough() {
    let database = support::empty_database().await;
    database
        .client
        .batch_execute("CREATE TYPE public.role AS ENUM ('CLIENT', 'ADMIN', 'SUPER_ADMIN')")
        .await
        .unwrap();
    let State::Refused(why) = migrate(&database).await.state else { panic!("not refused") };
    assert_eq!(why.len(), 4 + 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_extra_columns_and_values_are_only_warned_of() {
    let database = support::empty_database().await;
    let db = &database.client;
    db.batch_execute(PUSHED).await.unwrap();
    db.batch_execute(
        "ALTER TABLE public.users RENAME CONSTRAINT users_email_unique TO users_email_key;
         ALTER TABLE public.users ADD COLUMN phone text, ADD COLUMN tier int NOT NULL DEFAULT 1;
         ALTER TYPE public.ticket_status ADD VALUE 'ON_HOLD';
         ALTER TABLE public.support_tickets ALTER COLUMN subject TYPE varchar(255);
         ALTER TABLE public.projects ALTER COLUMN budget TYPE double precision;
         ALTER TABLE public.ticket_comments DROP CONSTRAINT ticket_comments_user_id_users_id_fk",
    )
    .await
    .unwrap();
    let report = migrate(&database).await;
    assert_eq!(report.state, State::Adopt);
    assert!(report.is_current());
    assert_eq!(
        report.warnings,
        [
            "the enum public.ticket_status has a value that is not documented: ON_HOLD",
            "public.users.phone is not documented; the desk leaves it alone",
            "public.users.tier is not documented; the desk leaves it alone",
            "public.users has no constraint named users_email_unique; a push by Drizzle may offer to rebuild the table: refuse it",
            "public.ticket_comments has no constraint named ticket_comments_user_id_users_id_fk; a push by Drizzle may offer to rebuild the table: refuse it",
        ]
    );
    db.batch_execute(
        "INSERT INTO public.users (id, email) VALUES ('u', 'u@x');
         INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id, status) VALUES ('t', '1', 's', 'd', 'u', 'ON_HOLD')",
    )
    .await
    .unwrap();
    assert_eq!(list(db, "SELECT status, active FROM desk.tickets").await, ["ON_HOLD | t"]);
}

/// A role that may make triggers but owns nothing: the indexes are left to the owner, all else is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_owns_nothing_prints_the_indexes_for_the_operator() {
    let database = support::empty_database().await;
    let db = &database.client;
    db.batch_execute(PUSHED).await.unwrap();
    let role = format!("guest_{}", database.name());
    db.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let as_guest = kaygia_desk::store::pool::connector(
        &database
            .owner_url()
            .replacen("kaygia@", &format!("{role}@"), 1)
            .replace("user=kaygia", &format!("user={role}")),
        kaygia_desk::store::pool::Options::MAINTENANCE,
    )
    .unwrap();
    let report = migrate::run(&as_guest, &mut |_| {}).await.unwrap();
    assert_eq!(report.state, State::Adopt);
    assert_eq!(report.applied, [""; 0]);
    assert_eq!(report.rights.len(), 1 + 4 * 2, "{:?}", report.rights);
    assert_eq!(list(db, "SELECT to_regnamespace('desk')").await, ["∅"]);
    for right in &report.rights {
        db.batch_execute(right).await.unwrap();
    }
    let report = migrate::run(&as_guest, &mut |_| {}).await.unwrap();
    assert!(report.is_current(), "{report:?}");
    assert_eq!(report.operator.len(), 20);
    assert_eq!(
        report.operator[0],
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_email ON public.users (email);"
    );
    db.batch_execute(
        "INSERT INTO public.users (id, email) VALUES ('u', 'u@x');
         INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id) VALUES ('t', '1', 's', 'd', 'u')",
    )
    .await
    .unwrap();
    assert_eq!(list(db, WRONG).await, [""; 0]);
    assert_eq!(list(db, "SELECT count(*) FROM desk.tickets").await, ["1"]);
    db.batch_execute(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}")).await.unwrap();
}

/// The web app works while it is adopted: nothing it does fails, nothing it does is missed.
#[tokio::test(flavor = "multi_thread")]
async fn the_web_app_goes_on_writing_while_it_is_adopted() {
    let database = support::empty_database().await;
    let db = &database.client;
    documented_steps(db).await;
    db.batch_execute(ODD_ROWS).await.unwrap();
    let web = database.connect().await;
    let ended = std::sync::atomic::AtomicBool::new(false);
    let writing = async {
        let mut slowest = std::time::Duration::ZERO;
        let mut n = 0;
        while !ended.load(std::sync::atomic::Ordering::Relaxed) || n < 50 {
            n += 1;
            let start = std::time::Instant::now();
            web.batch_execute(&format!(
                "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender) VALUES ('live-{n}', 'x', 'bulk-{t}', 'client-1', '{side}');
                 UPDATE public.support_tickets SET status = '{status}' WHERE id = 'bulk-{u}';
                 DELETE FROM public.support_tickets WHERE id = 'bulk-{d}';
                 INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id) VALUES ('live-{n}', 'L-{n}', 's', 'd', 'client-2')",
                t = 1 + (n * 37) % 1200, u = 1 + (n * 53) % 1200, d = 1201 + n % 1300,
                side = if n % 2 == 0 { "ADMIN" } else { "CLIENT" }, status = if n % 3 == 0 { "RESOLVED" } else { "OPEN" },
            ))
            .await
            .unwrap();
            slowest = slowest.max(start.elapsed());
        }
        slowest
    };
    let adopting = async {
        let report = migrate(&database).await;
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        report
    };
    let (_slowest, report) = tokio::join!(writing, adopting);
    assert!(report.is_current());
    kaygia_desk::store::fold::all(db).await.unwrap();
    assert_eq!(list(db, WRONG).await, [""; 0]);
}

/// A transaction of the web app that stays open holds its tables: the migrator waits beside it, never in its way.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_delays_the_migrator_and_nobody_else() {
    let database = support::empty_database().await;
    database.client.batch_execute(PUSHED).await.unwrap();
    let holder = database.connect().await;
    holder
        .batch_execute("BEGIN; INSERT INTO public.users (id, email) VALUES ('held', 'held@x')")
        .await
        .unwrap();
    let (sender, mut retries) = tokio::sync::mpsc::unbounded_channel();
    let mut watch = move |progress| {
        if let migrate::Progress::Retry(step) = progress {
            let _ = sender.send(step);
        }
    };
    let migrator = connector(&database);
    let running = tokio::spawn(async move { migrate::run(&migrator, &mut watch).await });
    retries.recv().await.unwrap();
    // While it holds and the migrator tries, another request gets through within the lock's time limit.
    let web = database.connect().await;
    let start = std::time::Instant::now();
    web.batch_execute("INSERT INTO public.users (id, email) VALUES ('other', 'other@x')").await.unwrap();
    let waited = start.elapsed();
    holder.batch_execute("COMMIT").await.unwrap();
    let report = running.await.unwrap().unwrap();
    assert!(report.is_current());
    assert!(waited < std::time::Duration::from_millis(500), "the web app waited {waited:?}");
    assert_eq!(list(&database.client, WRONG).await, [""; 0]);
}

/// An index whose concurrent build was broken off is there by name, and useless: it is made anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_index_is_made_anew() {
    let database = support::empty_database().await;
    let db = &database.client;
    db.batch_execute(PUSHED).await.unwrap();
    db.batch_execute(ODD_ROWS).await.unwrap();
    let holder = database.connect().await;
    holder.batch_execute("BEGIN; UPDATE public.users SET name = name WHERE id = '-rf'").await.unwrap();
    db.batch_execute("SET lock_timeout = '50ms'").await.unwrap();
    db.batch_execute("CREATE INDEX CONCURRENTLY idx_users_email ON public.users (email)").await.unwrap_err();
    holder.batch_execute("ROLLBACK").await.unwrap();
    let broken =
        "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE NOT indisvalid";
    assert_eq!(list(db, broken).await, ["idx_users_email"]);
    assert!(migrate(&database).await.is_current());
    assert_eq!(list(db, broken).await, [""; 0]);
    assert_eq!(list(db, "SELECT count(*) FROM pg_indexes WHERE indexname = 'idx_users_email'").await, ["1"]);
}
