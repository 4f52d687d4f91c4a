//! States, rows and threads to test the core and the screens with, and keys written as text.

use crate::{fixtures_accounts, fixtures_boards, fixtures_events};
use jiff::tz::TimeZone;
use kaygia_desk::app::key::{Input, Key};
use kaygia_desk::app::keymap::Keymap;
use kaygia_desk::app::requests::Req;
use kaygia_desk::app::{Effect, Link, Me, Msg, Settings, State, update};
use kaygia_desk::domain::comment::{Comment, Side};
use kaygia_desk::domain::ids::{CommentId, ProjectId, TicketId, UserId};
use kaygia_desk::domain::money::Budget;
use kaygia_desk::domain::project::{ProjectCard, ProjectStatus, ProjectType};
use kaygia_desk::domain::query::{Answer, Count, Loaded, Query};
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::domain::ticket::{ClientCard, Priority, Thread, TicketBrief, TicketRow, TicketStatus};
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::domain::user::{Person, Role};
use std::time::Duration;

/// Sunday 22 November 2026, 14:00 UTC.
pub const NOW: Timestamp = Timestamp::from_micros(1_795_356_000_000_000);

pub fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

pub fn ago(n: u64) -> Timestamp {
    NOW.before(minutes(n))
}

pub fn person(id: &str, name: &str, company: &str, role: Role) -> Person {
    Person {
        id: UserId::new(id),
        name: SafeText::new(name),
        company: SafeText::new(company),
        email: SafeText::new(&format!("{id}@example.test")),
        role,
        active: true,
    }
}

pub fn ada() -> Person {
    person("ada", "Ada Lovelace", "", Role::Admin)
}

pub fn alan() -> Person {
    person("alan", "Alan Turing", "", Role::SuperAdmin)
}

pub fn row(n: usize) -> TicketRow {
    let clients = [
        ("grace", "Grace Hopper", "Acme Ltd"),
        ("birch", "Tom Birch", "Birch & Co"),
        ("cedar", "Ida Cedar", "Cedar Homes"),
        ("delta", "Yuki 田中", "デルタ食品"),
        ("elm", "Nadia Elm", "Elm Studio"),
    ];
    let subjects = [
        "Checkout fails on iPhone",
        "Logo file is blurry",
        "Invoice sent twice?",
        "Move DNS to the new host before the end of the month, please, and tell us when",
        "Newsletter template 👩‍👩‍👧",
    ];
    let (id, name, company) = clients[n % 5];
    let waits = n % 3 != 2;
    let last = ago(130 + 170 * n as u64);
    TicketRow {
        id: TicketId::new(format!("t{n}")),
        number: SafeText::new(&format!("TKT-{}", 1042 - n)),
        subject: SafeText::new(subjects[n % 5]),
        status: if n % 4 == 3 { TicketStatus::Pending } else { TicketStatus::Open },
        priority: [Priority::High, Priority::Normal, Priority::Urgent, Priority::Low][n % 4],
        client: person(id, name, company, Role::Client),
        assignee: match n % 4 {
            1 => Some(alan()),
            2 => Some(ada()),
            _ => None,
        },
        created_at: ago(3000 + 170 * n as u64),
        last_activity_at: last,
        last_side: if waits { Side::Client } else { Side::Staff },
        last_comment: Some(CommentId::new(format!("t{n}-c2"))),
        waiting_since: waits.then_some(last),
        comments: 3,
        unread: n.is_multiple_of(3),
        has_draft: n == 4,
        version: 1,
        queue_key: last,
    }
}

pub fn comment(
    ticket: usize,
    n: usize,
    author: &Person,
    side: Side,
    at: Timestamp,
    content: &str,
) -> Comment {
    Comment {
        id: CommentId::new(format!("t{ticket}-c{n}")),
        author: author.id.clone(),
        author_name: SafeText::new(author.display_name()),
        author_role: author.role.clone(),
        side,
        content: SafeText::new(content),
        created_at: at,
    }
}

pub fn card(id: &str, title: &str, status: ProjectStatus) -> ProjectCard {
    ProjectCard {
        id: ProjectId::new(id),
        title: SafeText::new(title),
        client: person("grace", "Grace Hopper", "Acme Ltd", Role::Client),
        status,
        kind: ProjectType::ECommerce,
        budget: Some(Budget::new(24500.0)),
        start_date: None,
        end_date: Some(ago(20 * 1440)),
        open_tickets: 3,
        version: 1,
    }
}

pub fn thread(n: usize) -> Thread {
    let ticket = row(n);
    let client = ticket.client.clone();
    Thread {
        description: SafeText::new(
            "Since this morning our customers can't pay with an iPhone. The button turns grey and nothing happens.",
        ),
        card: ClientCard {
            other_open: vec![TicketBrief {
                id: TicketId::new("t90"),
                number: SafeText::new("TKT-0990"),
                subject: SafeText::new("Second language for the shop"),
                status: TicketStatus::Open,
                last_activity_at: ago(6000),
                waiting_since: Some(ago(6000)),
            }],
            other_open_count: 1,
            projects: vec![
                card("p1", "Shop relaunch", ProjectStatus::InProgress),
                card("p2", "Print campaign", ProjectStatus::Cancelled),
            ],
        },
        comments: vec![
            comment(
                n,
                0,
                &ada(),
                Side::Staff,
                ago(2860),
                "Thanks, I can reproduce it on iOS 26. Looking now.",
            ),
            comment(
                n,
                1,
                &alan(),
                Side::Staff,
                ago(2800),
                "The payment script changed last night.\n\n    curl -I https://pay.example.test/v2\n\nI have asked them.",
            ),
            comment(n, 2, &client, Side::Client, ago(130), "Any news? We lose orders every hour. 家族 👨‍👩‍👧‍👦"),
        ],
        has_older: false,
        seen_at: Some(ago(2000)),
        draft: None,
        ticket,
    }
}

pub struct Bench {
    pub state: State,
    pub now: Timestamp,
    pub effects: Vec<Effect>,
    pub rows: usize,
}

impl Bench {
    /// Signed in as Ada, with `rows` tickets, at this size; every query is answered at once.
    pub fn new(size: (u16, u16), rows: usize) -> Self {
        let state = State::new(Settings {
            size,
            keymap: Keymap::default(),
            zone: TimeZone::UTC,
            seed: [7; 32],
            mouse: true,
            now: NOW,
            email: None,
            idle: None,
        });
        let mut bench = Self { state, now: NOW, effects: Vec::new(), rows };
        bench.msg(Msg::Link(Link::Live));
        let me = Me { id: ada().id, name: ada().name, role: Role::Admin };
        bench.msg(Msg::SignedIn(Ok(me)));
        bench.answer();
        bench.effects.clear();
        bench
    }

    pub fn msg(&mut self, msg: Msg) {
        let effects = update(&mut self.state, msg, self.now);
        self.effects.extend(effects);
    }

    /// Presses keys written as text: `j j Enter`.
    pub fn keys(&mut self, text: &str) -> &mut Self {
        for key in text.split_whitespace() {
            self.key(key);
        }
        self
    }

    pub fn key(&mut self, text: &str) {
        self.msg(Msg::Input(Input::Key(Key::parse(text).expect(text))));
        self.msg(Msg::Drawn);
    }

    /// Types text as it is.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.msg(Msg::Input(Input::Key(Key::char(c))));
        }
        self
    }

    pub fn pass(&mut self, time: Duration) -> &mut Self {
        self.now = self.now.after(time);
        self.msg(Msg::Woke);
        self
    }

    /// Answers all queries under way from the fixtures; commands stay in `effects`.
    pub fn answer(&mut self) -> &mut Self {
        for _ in 0..10 {
            let (fetches, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.effects)
                .into_iter()
                .partition(|e| matches!(e, Effect::Fetch { .. }));
            self.effects = rest;
            if fetches.is_empty() {
                break;
            }
            for effect in fetches {
                let Effect::Fetch { req, query } = effect else { continue };
                self.reply(req, answer_to(&query, self.rows));
            }
        }
        self
    }

    pub fn reply(&mut self, req: Req, answer: Answer) {
        let loaded = Loaded { answer, server_now: self.now };
        self.msg(Msg::Loaded { req, result: Ok(loaded) });
    }

    /// The commands sent and not yet looked at.
    pub fn commands(&mut self) -> Vec<(Req, kaygia_desk::domain::command::Command)> {
        let (commands, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.effects).into_iter().partition(|e| matches!(e, Effect::Execute { .. }));
        self.effects = rest;
        commands
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Execute { req, command, .. } => Some((req, command)),
                _ => None,
            })
            .collect()
    }

    /// The one command sent since the last look.
    pub fn command(&mut self) -> (Req, kaygia_desk::domain::command::Command) {
        let mut commands = self.commands();
        assert_eq!(commands.len(), 1, "{commands:?}");
        commands.remove(0)
    }
}

pub fn answer_to(query: &Query, rows: usize) -> Answer {
    match query {
        Query::Queue(page) => {
            let all: Vec<TicketRow> = (0..rows).map(row).collect();
            Answer::Queue {
                rows: all.into_iter().take(page.limit.into()).collect(),
                before: false,
                after: false,
            }
        }
        Query::Counts(filters) => {
            Answer::Counts(filters.iter().enumerate().map(|(n, _)| Count::new(12 + 25 * n as u32)).collect())
        }
        Query::Thread(id) => {
            let n: usize = id.as_str().trim_start_matches('t').parse().unwrap_or(0);
            Answer::Thread(Some(Box::new(thread(n))))
        }
        Query::OlderComments { .. } => Answer::OlderComments { comments: Vec::new(), has_older: false },
        Query::TicketByNumber(number) => {
            Answer::TicketByNumber((number == "1042").then(|| TicketId::new("t0")))
        }
        Query::Events(page) => fixtures_events::page(page),
        Query::Staff => Answer::Staff(vec![ada(), alan()]),
        Query::StaffAccounts => Answer::StaffAccounts(fixtures_accounts::staff()),
        Query::Account(_) => Answer::Account(Vec::new()),
        Query::Erasure(user) => Answer::Erasure(fixtures_accounts::erasure(user).map(Box::new)),
        Query::Session => Answer::Session(Some(NOW.after(Duration::from_secs(12 * 60 * 60)))),
        Query::Sessions => Answer::Sessions(Vec::new()),
        Query::Board(filter) => Answer::Board(fixtures_boards::board(filter)),
        Query::BoardColumn { filter, status, after } => Answer::BoardColumn {
            status: status.clone(),
            cards: fixtures_boards::column_after(filter, status, after),
        },
        Query::Project(id) => Answer::Project(fixtures_boards::project(id).map(Box::new)),
        Query::Clients(text) => Answer::Clients(fixtures_boards::client_rows(text)),
        Query::Client(id) => Answer::Client(fixtures_boards::profile(id.as_str()).map(Box::new)),
    }
}
