//! Behind pgbouncer in transaction mode, as many operators run their databases: each transaction may get another
//! connection to the server, settings of a connection are dropped, named statements and notifications get lost.

use crate::pty::glass::Glass;
use crate::pty::start::leave;
use crate::run::{beside_others, program};
use crate::support::daemon::{Account, Daemon};
use crate::support::world::{World, assign, reply, set_status, world};
use kaygia_desk::auth::Actor;
use kaygia_desk::desk::{Desk, Gateway};
use kaygia_desk::domain::command::{Change, Command, LastComment};
use kaygia_desk::domain::ids::{CommentId, TicketId};
use kaygia_desk::domain::query::{
    BoardFilter, Query, QueuePage, TicketFilter, TicketSort, TicketTerm, Window,
};
use kaygia_desk::domain::ticket::TicketStatus::{Open, Pending};
use kaygia_desk::domain::ticket::{Draft, Priority};
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::store::pool::{self, Options, Session};
use kaygia_desk::store::sql;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tempfile::TempDir;
use tokio_postgres::config::Host;

const CLIENTS: usize = 8;
const ROUNDS: usize = 100;
const ACTIONS: usize = 10;

/// pgbouncer in front of one database, and the role that reaches it.
struct Bouncer {
    _daemon: Daemon,
    _folder: TempDir,
    url: String,
    role: String,
    log: Arc<Mutex<String>>,
}

impl Bouncer {
    async fn before(world: &World) -> Self {
        let role = format!("{}_pooled", world.db.name());
        world.sql(&format!("CREATE ROLE {role} LOGIN")).await;
        let granted = std::process::Command::new(env!("CARGO_BIN_EXE_desk"))
            .args(["grant", &role, "--pooled"])
            .env("DATABASE_URL", world.db.owner_url())
            .env("HOME", "/nonexistent")
            .output()
            .unwrap();
        assert!(granted.status.success(), "{granted:?}");

        let config = tokio_postgres::Config::from_str(world.db.owner_url()).unwrap();
        let Some(Host::Unix(socket)) = config.get_hosts().first() else { panic!("no socket") };
        let account = Account::of_postgres();
        let folder = tempfile::Builder::new().prefix("kd-").tempdir_in("/tmp").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (users, ini) = (folder.path().join("users.txt"), folder.path().join("pgbouncer.ini"));
        fs::write(&users, format!("\"{role}\" \"\"\n")).unwrap();
        let text = format!(
            "[databases]\n{name} = host={socket} port=5432\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {users}\npool_mode = transaction\n\
             default_pool_size = 6\nmax_client_conn = 100\n",
            name = world.db.name(),
            socket = socket.display(),
            users = users.display()
        );
        fs::write(&ini, text).unwrap();
        for path in [folder.path(), &users, &ini] {
            account.own(path);
        }
        let (daemon, said) = Daemon::start(&account, program("pgbouncer", "pgbouncer"), &[OsStr::new(&ini)]);
        let mut lines = BufReader::new(said);
        let mut first = String::new();
        while !first.contains("process up") {
            assert!(lines.read_line(&mut first).unwrap() > 0, "pgbouncer did not start:\n{first}");
        }
        let log = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                *written.lock().unwrap() += &(line + "\n");
            }
        });
        let url = format!("postgresql://{role}@127.0.0.1:{port}/{}", world.db.name());
        Self { _daemon: daemon, _folder: folder, url, role, log }
    }

    fn desk(&self, origin: &str) -> Desk {
        Desk::new(pool::connect(&self.url, POOLED).unwrap(), origin)
    }
}

const POOLED: Options = Options { pooled: true, session: Session::Desk };

/// Ten actions on a ticket of one's own; each must succeed.
async fn round(desk: &Desk, actor: &Actor, id: &str, n: usize) {
    let ticket = TicketId::new(id);
    let filter = TicketFilter::All(vec![TicketTerm::Active]);
    let page = QueuePage { filter, sort: TicketSort::Waiting, window: Window::First, limit: 20 };
    let draft = Draft {
        comment: CommentId::new(format!("{id}-{n}")),
        content: format!("Text {n}"),
        last_comment: None,
        status_after: Some(Pending),
        older_content: None,
        version: 0,
    };
    let (from, to) = if n.is_multiple_of(2) {
        (Priority::Normal, Priority::High)
    } else {
        (Priority::High, Priority::Normal)
    };
    let me = actor.user().unwrap().as_str().to_owned();
    for query in [
        Query::Queue(page),
        Query::Thread(ticket.clone()),
        Query::Clients("hopp%_".to_owned()),
        Query::Board(BoardFilter::default()),
    ] {
        desk.fetch(actor, query.clone()).await.unwrap_or_else(|error| panic!("{query:?}: {error:?}"));
    }
    for command in [
        Command::MarkSeen { ticket: ticket.clone(), up_to: Some(Timestamp::from_micros(1)) },
        if n.is_multiple_of(2) { assign(id, None, Some(&me)) } else { assign(id, Some(&me), None) },
        Command::SetPriority { ticket: ticket.clone(), change: Change::new(from, to) },
        Command::SaveDraft { ticket, draft },
        reply(id, &format!("{id}-{n}"), (Open, Pending), None),
        set_status(id, Pending, Open),
    ] {
        let command = match command {
            Command::Reply { ticket, comment, content, status, .. } => {
                Command::Reply { ticket, comment, content, status, last_comment: LastComment::Any }
            }
            other => other,
        };
        desk.execute(actor, command.clone()).await.unwrap_or_else(|error| panic!("{command:?}: {error:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_clients_with_a_thousand_mixed_actions_each_meet_no_lost_statement() {
    let _place = beside_others().await;
    let world = world().await;
    for n in 0..CLIENTS {
        world.user(&format!("s{n}"), &format!("Staff {n}"), "ADMIN").await;
        world.ticket(&format!("t{n}"), "grace", "OPEN", "1 hour").await;
    }
    let bouncer = Bouncer::before(&world).await;
    let started = Instant::now();
    let mut running = Vec::new();
    for n in 0..CLIENTS {
        let actor = world.actor(&format!("s{n}")).await;
        let desk = bouncer.desk(&format!("desk {n}"));
        running.push(tokio::spawn(async move {
            for round_number in 0..ROUNDS {
                round(&desk, &actor, &format!("t{n}"), round_number).await;
            }
        }));
    }
    for client in running {
        client.await.unwrap();
    }
    let took = started.elapsed();
    let actions = CLIENTS * ROUNDS * ACTIONS;
    assert_eq!(
        world.value("SELECT count(*) FROM public.ticket_comments").await,
        (CLIENTS * ROUNDS).to_string()
    );
    let used = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{}'", bouncer.role);
    let used: i64 = world.value(&used).await.parse().unwrap();
    assert!((1..=6).contains(&used), "{used} connections to the server");
    let log = bouncer.log.lock().unwrap().clone();
    for trouble in ["prepared statement", "ERROR", "unsupported"] {
        assert!(!log.contains(trouble), "{log}");
    }
    println!("{actions} actions of {CLIENTS} clients over {used} connections in {took:.1?}: 0 failed");
}

/// What a connection sets for itself is lost behind a pooler: there the limits and the time zone are the role's own.
#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_the_role_hold_behind_the_pooler() {
    let _place = beside_others().await;
    let world = world().await;
    let bouncer = Bouncer::before(&world).await;
    let pool = pool::connect(&bouncer.url, POOLED).unwrap();
    let settings = "SELECT concat_ws(' ', current_setting('TimeZone'), current_setting('search_path'),
        current_setting('statement_timeout'), current_setting('lock_timeout'),
        current_setting('idle_in_transaction_session_timeout')) AS line";
    let line: String =
        pool.read(async |db| sql::get(&sql::row(db, settings, &[]).await?, "line")).await.unwrap();
    assert_eq!(line, "UTC pg_catalog 5s 2s 15s");
    // Without `pooled = true` the settings would be sent, and refused: the sentence says what to do.
    let direct = pool::connector(&bouncer.url, Options::default()).unwrap();
    let Err(error) = direct.connect().await else { panic!("connected") };
    assert!(error.sentence().contains("pooled = true"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_direct_address_the_status_line_says_polling() {
    let _place = beside_others().await;
    let (world, state) = crate::pty::start::desk().await;
    let bouncer = Bouncer::before(&world).await;
    let mut glass = Glass::desk_with(&bouncer.url, &state, &[("KAYGIA_DESK_POOLED", "true")]);
    glass.sign_in("ada");
    glass.shows("polling");
    assert_eq!(leave(&mut glass).code, 0);
    let variables = [("KAYGIA_DESK_POOLED", "true"), ("KAYGIA_DESK_LISTEN_URL", world.db.url())];
    let mut glass = Glass::desk_with(&bouncer.url, &state, &variables);
    glass.sign_in("ada");
    glass.shows("● live");
    assert_eq!(leave(&mut glass).code, 0);
}
