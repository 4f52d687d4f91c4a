//! The increments of the triggers against a computation from all rows, over random sequences.

use kaygia_desk::store::fold;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::adoption::WRONG;
use crate::migrate::list;
use crate::support;

#[derive(Clone, Debug)]
enum Op {
    Comment { ticket: u8, staff: bool, minute: i16, n: u8 },
    Status { ticket: u8, to: u8 },
    Edit { ticket: u8 },
    Delete { comment: u8 },
    Move { comment: u8, minute: i16, staff: bool },
    Ticket { ticket: u8, closed: bool },
    Drop { ticket: u8 },
    Rename { ticket: u8 },
    Person { n: u8 },
    Hold,
    Release,
    Fold,
    Bulk,
}

fn op() -> impl Strategy<Value = Op> {
    let minute = -20i16..60;
    prop_oneof![
        8 => (0..4u8, any::<bool>(), minute.clone(), 1..4u8).prop_map(|(ticket, staff, minute, n)| Op::Comment { ticket, staff, minute, n }),
        4 => (0..4u8, 0..4u8).prop_map(|(ticket, to)| Op::Status { ticket, to }),
        1 => (0..4u8).prop_map(|ticket| Op::Edit { ticket }),
        2 => any::<u8>().prop_map(|comment| Op::Delete { comment }),
        2 => (any::<u8>(), minute, any::<bool>()).prop_map(|(comment, minute, staff)| Op::Move { comment, minute, staff }),
        2 => (0..4u8, any::<bool>()).prop_map(|(ticket, closed)| Op::Ticket { ticket, closed }),
        1 => (0..4u8).prop_map(|ticket| Op::Drop { ticket }),
        1 => (0..4u8).prop_map(|ticket| Op::Rename { ticket }),
        1 => (0..4u8).prop_map(|n| Op::Person { n }),
        2 => Just(Op::Hold),
        2 => Just(Op::Release),
        2 => Just(Op::Fold),
        1 => Just(Op::Bulk),
    ]
}

const STATUSES: [&str; 4] = ["OPEN", "PENDING", "RESOLVED", "CLOSED"];

fn statement(op: &Op, n: usize) -> Option<String> {
    // Around now, so that answers given now fall among the messages.
    // Whole minutes, so that ties are common.
    let when = |minute: i16| {
        format!(
            "date_trunc('minute', clock_timestamp() AT TIME ZONE 'utc') - interval '30 minutes' + {minute} * interval '1 minute'"
        )
    };
    Some(match op {
        Op::Comment { ticket, staff, minute, n: many } => format!(
            "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at)
             SELECT 'c' || {n} % 40 || '-' || k, 'x', t.id, u.id, '{side}', {at} + k * interval '1 second'
               FROM generate_series(1, {many}) k, public.support_tickets t, public.users u
              WHERE t.id = 'p{ticket}' AND u.id = '{who}' ON CONFLICT DO NOTHING",
            side = if *staff { "ADMIN" } else { "CLIENT" },
            who = if *staff { "staff" } else { "client" },
            at = when(*minute),
        ),
        Op::Status { ticket, to } => {
            format!("UPDATE public.support_tickets SET status = '{}' WHERE id = 'p{ticket}'", STATUSES[usize::from(*to)])
        }
        Op::Edit { ticket } => format!(
            "UPDATE public.support_tickets SET subject = 's{n}', client_id = CASE WHEN {n} % 3 = 0 THEN 'staff' ELSE 'client' END,
                    created_at = created_at - ({n} % 2) * interval '1 minute' WHERE id = 'p{ticket}'"
        ),
        Op::Delete { comment } => format!("DELETE FROM public.ticket_comments WHERE id LIKE 'c{}-%'", comment % 40),
        Op::Move { comment, minute, staff } => format!(
            "UPDATE public.ticket_comments SET created_at = {}, sender = '{}' WHERE id LIKE 'c{}-%'",
            when(*minute), if *staff { "ADMIN" } else { "CLIENT" }, comment % 40
        ),
        Op::Ticket { ticket, closed } => format!(
            "INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id, status, created_at)
             VALUES ('p{ticket}', 'P-{ticket}', 's', 'd', 'client', '{}', {}) ON CONFLICT DO NOTHING",
            if *closed { "CLOSED" } else { "OPEN" }, when(-10)
        ),
        Op::Drop { ticket } => format!("DELETE FROM public.support_tickets WHERE id = 'p{ticket}'"),
        Op::Rename { ticket } => format!(
            "UPDATE public.support_tickets SET id = 'q{ticket}' WHERE id = 'p{ticket}'
                AND NOT EXISTS (SELECT FROM public.ticket_comments c WHERE c.ticket_id = 'p{ticket}')
                AND NOT EXISTS (SELECT FROM public.support_tickets o WHERE o.id = 'q{ticket}')"
        ),
        Op::Person { n: who } => format!(
            "INSERT INTO public.users (id, email, name) VALUES ('u{who}', 'u{who}', 'n{n}')
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, active = NOT users.active"
        ),
        Op::Bulk => "UPDATE public.support_tickets SET status = CASE status WHEN 'OPEN' THEN 'CLOSED' ELSE 'OPEN' END::public.ticket_status".to_owned(),
        Op::Hold | Op::Release | Op::Fold => return None,
    })
}

/// Increments by the triggers and a computation from all rows come to the same, whatever happens in what order, with
/// our rows now and then held by somebody else.
#[tokio::test(flavor = "multi_thread")]
async fn increments_and_recomputation_agree() {
    let database = support::database().await;
    let db = &database.client;
    let holder = database.connect().await;
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for round in 0..50 {
        let ops = prop::collection::vec(op(), 10..40).new_tree(&mut runner).unwrap().current();
        db.batch_execute(
            "DELETE FROM public.users;
             INSERT INTO public.users (id, email, role) VALUES ('client', 'c', 'CLIENT'), ('staff', 's', 'ADMIN');
             INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id, created_at)
             SELECT 'p' || n, 'P-' || n, 's', 'd', 'client', (clock_timestamp() AT TIME ZONE 'utc') - interval '35 minutes' FROM generate_series(0, 3) n",
        )
        .await
        .unwrap();
        fold::all(db).await.unwrap();
        let mut held = false;
        for (n, op) in ops.iter().enumerate() {
            match op {
                Op::Hold if !held => {
                    holder
                        .batch_execute("BEGIN; SELECT FROM desk.tickets WHERE ticket_id < 'p2' FOR UPDATE")
                        .await
                        .unwrap();
                    held = true;
                }
                Op::Release if held => {
                    holder.batch_execute("ROLLBACK").await.unwrap();
                    held = false;
                }
                Op::Hold | Op::Release => {}
                Op::Fold => {
                    fold::fold(db).await.unwrap();
                }
                _ => {}
            }
            if let Some(statement) = statement(op, n) {
                db.batch_execute(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
            // What is not marked as stale is right at every moment.
            let wrong = format!(
                "SELECT * FROM ({WRONG}) w WHERE NOT EXISTS (SELECT FROM desk.stale s WHERE s.row_id = w.coalesce)"
            );
            assert_eq!(list(db, &wrong).await, [""; 0], "round {round}, after {op:?}, number {n} of {ops:?}");
        }
        if held {
            holder.batch_execute("ROLLBACK").await.unwrap();
        }
        fold::all(db).await.unwrap();
        assert_eq!(list(db, WRONG).await, [""; 0], "round {round}: {ops:?}");
        assert_eq!(list(db, "SELECT count(*) FROM desk.stale").await, ["0"]);
    }
}
