//! No question to a long event log reads more than 5,000 rows, whoever and whatever it is about, and wherever in the
//! log the answer lies.

use crate::plans::{Bench, filled, reader};
use kaygia_desk::domain::event::{EventsOf, EventsPage, LogFilter};
use kaygia_desk::domain::ids::{EventId, ProjectId, TicketId};
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::policy;
use kaygia_desk::store::generate::Plan;
use std::collections::BTreeSet;

/// 300,000 events of 300 days up to the end of October: `p0` did most of them, `p9` left after two weeks, and what is
/// `import.ticket` was done in the first month and never again. `user.role` is rare, and p1's one was long ago.
const EVENTS: &str = "
    INSERT INTO public.users (id, email, name, role, email_verified)
    SELECT 'p' || n, 'p' || n || '@log.example', 'Person ' || n, 'ADMIN', true FROM generate_series(0, 59) AS n;
    SET session_replication_role = replica;
    INSERT INTO desk.events (at, actor_kind, actor_id, action, entity, entity_id, after, origin, hash)
    SELECT timestamp '2026-01-05' + n * interval '86.4 seconds',
           CASE WHEN w.who IS NOT NULL THEN 'staff' WHEN n % 2 = 0 THEN 'system' ELSE 'operator' END, w.who,
           CASE WHEN n = 777 OR n % 30000 = 29999 THEN 'user.role'
                WHEN n < 30000 AND n % 3 = 0 THEN 'import.ticket'
                WHEN w.who IS NULL THEN CASE n % 2 WHEN 0 THEN 'session.refused' ELSE 'role.grant' END
                ELSE (ARRAY['ticket.reply', 'ticket.status', 'ticket.assign', 'ticket.priority', 'session.sign_in'])[1 + n % 5] END,
           'ticket', CASE WHEN n % 100 = 3 THEN 'busy' ELSE 't' || n % 20000 END, '{}', 'p@desk 7', '\\x00'
      FROM generate_series(0, 299999) AS n,
           LATERAL (SELECT CASE WHEN n = 777 THEN 'p1' WHEN n < 14000 AND n % 7 = 0 THEN 'p9' WHEN n % 20 = 19 THEN NULL
                                WHEN n % 3 > 0 THEN 'p0' ELSE 'p' || (1 + n % 8) END AS who) AS w;
    SET session_replication_role = origin;";

fn filters() -> Vec<String> {
    let people = ["", "who:p0", "who:p9", "who:p1", "who:person", "who:nobody", "who:system", "who:operator"];
    let actions = [
        "",
        "action:ticket.",
        "action:ticket.reply",
        "action:session.",
        "action:user.role",
        "action:import.",
        "action:none.",
    ];
    let times = [
        "",
        "since:2026-10-30",
        "since:2026-03-01 until:2026-03-02",
        "until:2026-01-10",
        "since:2026-02-20",
        "since:2027-01-01",
        "until:2025-01-01",
    ];
    let mut all = BTreeSet::new();
    for who in people {
        for action in actions {
            for time in times {
                all.insert([who, action, time].join(" ").trim().to_owned());
            }
        }
    }
    all.into_iter().collect()
}

#[tokio::test]
async fn no_question_to_the_log_reads_more_than_5000_of_300000_events() {
    let db = filled(Plan::of(10_000)).await;
    db.client.batch_execute(EVENTS).await.unwrap();
    db.client.batch_execute("VACUUM ANALYZE").await.unwrap();
    let mut bench =
        Bench { db, scope: policy::scope(&reader("p0")), failures: Vec::new(), most: (0, String::new()) };
    let mut asked = 0;
    let mut of = Vec::new();
    for filter in filters() {
        let read = LogFilter::parse(&filter, &jiff::tz::TimeZone::UTC).unwrap();
        of.push((filter, EventsOf::Log(read)));
    }
    for ticket in ["busy", "t7", "none"] {
        of.push((format!("ticket {ticket}"), EventsOf::Ticket(TicketId::new(ticket))));
    }
    of.push(("project".to_owned(), EventsOf::Project(ProjectId::new("none"))));
    for (name, of) in of {
        for start in [None, Some(EventId(40_000))] {
            let page = EventsPage { of: of.clone(), before: start, limit: 100 };
            let answer = bench.ask(&format!("{name}, from {start:?}"), Query::Events(page)).await;
            let Answer::Events { events, more: true } = answer else {
                asked += 1;
                continue;
            };
            let next = EventsPage { of: of.clone(), before: events.last().map(|event| event.id), limit: 100 };
            bench.ask(&format!("{name}, from {start:?}, next page"), Query::Events(next)).await;
            asked += 2;
        }
    }
    // After pg_upgrade, until somebody runs ANALYZE, the planner knows nothing.
    bench.db.client.batch_execute("DELETE FROM pg_statistic").await.unwrap();
    for of in [EventsOf::Log(LogFilter::default()), EventsOf::Ticket(TicketId::new("busy"))] {
        let page = EventsPage { of, before: None, limit: 100 };
        bench.ask(&format!("without statistics, {:?}", page.of), Query::Events(page)).await;
    }
    println!("{asked} questions; the most read: {:?}", bench.most);
    assert!(bench.failures.is_empty(), "{} of {asked}: {:#?}", bench.failures.len(), bench.failures);
}
