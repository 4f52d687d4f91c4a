//! Replies and changes by the hundred, over wires that are cut and beside others who write: each exactly once, and
//! nothing overwritten unseen.

use crate::pty::glass::Glass;
use crate::run::{self, Dice};
use crate::support::proxy::Proxy;
use crate::support::world::{World, desk_from, reply, set_status, world};
use crate::writers::at_the_queue;
use kaygia_desk::auth::Actor;
use kaygia_desk::desk::{Desk, Gateway};
use kaygia_desk::domain::command::{Change, Command, LastComment};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{CommentId, TicketId};
use kaygia_desk::domain::ticket::TicketStatus::{self, Closed, Open, Pending, Resolved};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Barrier;
use tokio_postgres::Client;

const CUTS: usize = 500;

/// Sends as a person does: after a failure with the same draft again. Answers how often it took.
async fn send(desk: &Desk, actor: &Actor, command: &Command) -> usize {
    for press in 1..10 {
        match desk.execute(actor, command.clone()).await {
            Ok(_) => return press,
            Err(Failure::Unavailable(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("not sent after ten attempts");
}

/// How many statements a reply on an open connection consists of, its BEGIN and COMMIT among them.
async fn statements(proxy: &Proxy, desk: &Desk, actor: &Actor) -> usize {
    send(desk, actor, &reply("t", "first", (Open, Open), None)).await;
    proxy.cut_before(usize::MAX);
    send(desk, actor, &reply("t", "second", (Open, Open), None)).await;
    proxy.passed()
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_01_five_hundred_cut_commits_are_five_hundred_replies() {
    let _place = run::beside_others().await;
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let ada = world.actor("ada").await;
    let proxy = Proxy::before(world.db.url()).await;
    let desk = desk_from(proxy.url(), "cut");
    let statements = statements(&proxy, &desk, &ada).await;
    let mut dice = Dice::new(1);
    let (mut after_commit, mut again) = (0, 0);
    let before = proxy.cuts();
    for n in 0..CUTS {
        // Two of five are cut when COMMIT was sent, the others at any of its statements, before or after the server has it.
        let delivered = dice.below(2) == 0;
        let commit = dice.below(5) < 2;
        if commit {
            proxy.cut_after_commit();
        } else {
            proxy.cut_at(1 + dice.below(statements as u64) as usize, delivered);
        }
        again += send(&desk, &ada, &reply("t", &format!("r{n}"), (Open, Open), None)).await - 1;
        assert_eq!(proxy.cuts() - before, n + 1, "the wire was to be cut once");
        after_commit += usize::from(commit);
    }
    let count = |what: &str| {
        let what = what.to_owned();
        let world = &world;
        async move { world.value(&what).await.parse::<usize>().unwrap() }
    };
    let replies = count("SELECT count(*) FROM public.ticket_comments WHERE id LIKE 'r%'").await;
    let double = replies
        - count("SELECT count(DISTINCT content) FROM public.ticket_comments WHERE id LIKE 'r%'").await;
    let missing = count(&format!(
        "SELECT count(*) FROM generate_series(0, {CUTS} - 1) AS n \
          WHERE NOT EXISTS (SELECT FROM public.ticket_comments AS c WHERE c.id = 'r' || n)"
    ))
    .await;
    let events = count(
        "SELECT count(*) FROM desk.events WHERE action = 'ticket.reply' AND after->>'comment_id' LIKE 'r%'",
    )
    .await;
    println!(
        "fault 1: {CUTS} cuts, {after_commit} after COMMIT was sent, {replies} replies, {double} double, {missing} missing, \
         {events} events, {again} presses of `y` more than one each"
    );
    assert_eq!((replies, double, missing, events), (CUTS, 0, 0, CUTS));
    assert!(after_commit >= 100, "{after_commit}");
}

/// Both have the ticket open as it is, both press send at the same instant with another status.
async fn sends_at_once(
    desk: Desk,
    actor: Actor,
    start: Arc<Barrier>,
    command: Command,
) -> Result<(), Failure> {
    start.wait().await;
    desk.execute(&actor, command).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_14_two_who_answer_at_once_are_both_heard_and_one_is_warned() {
    const ROUNDS: usize = 200;
    let _place = run::beside_others().await;
    let world = world().await;
    let (ada, alan) = (world.actor("ada").await, world.actor("alan").await);
    let desks = [desk_from(world.db.url(), "ada's"), desk_from(world.db.url(), "alan's")];
    let (mut warned, mut shown) = (0, 0);
    for round in 0..ROUNDS {
        let ticket = format!("t{round}");
        world.ticket(&ticket, "grace", "OPEN", "1 hour").await;
        let command = |who: &str, to| reply(&ticket, &format!("{who}{round}"), (Open, to), None);
        let pair = [("ada", ada.clone(), Pending), ("alan", alan.clone(), Resolved)];
        let start = Arc::new(Barrier::new(2));
        let sent = pair.clone().into_iter().zip(desks.clone()).map(|((who, actor, to), desk)| {
            tokio::spawn(sends_at_once(desk, actor, Arc::clone(&start), command(who, to)))
        });
        let mut answers = Vec::new();
        for task in sent.collect::<Vec<_>>() {
            answers.push(task.await.unwrap());
        }
        for (answer, ((who, actor, to), desk)) in answers.iter().zip(pair.into_iter().zip(&desks)) {
            match answer {
                Ok(()) => {}
                Err(Failure::NewMessages(1) | Failure::Overtaken { .. }) => {
                    warned += 1;
                    // What the screen shows now, and the second press.
                    let seen = world.thread(&actor, &ticket).await;
                    let other = seen.comments.last().unwrap().id.as_str().to_owned();
                    shown += usize::from(!other.starts_with(who));
                    let again =
                        reply(&ticket, &format!("{who}{round}"), (seen.ticket.status, to), Some(&other));
                    desk.execute(&actor, again).await.unwrap();
                }
                Err(other) => panic!("round {round}, {who}: {other:?}"),
            }
        }
    }
    let replies = world.value("SELECT count(*) FROM public.ticket_comments").await;
    let ends = world
        .value("SELECT count(*) FROM public.support_tickets WHERE status IN ('PENDING', 'RESOLVED')")
        .await;
    let both = world
        .value(
            "SELECT count(*) FROM (SELECT entity_id FROM desk.events WHERE action = 'ticket.reply' AND after ? 'status' \
              GROUP BY entity_id HAVING count(DISTINCT after->>'status') = 2 AND count(DISTINCT actor_id) = 2) AS t",
        )
        .await;
    println!(
        "fault 14: {ROUNDS} times two at once, {replies} replies, {warned} warned, {shown} shown the other's, {ends} end as one \
         of the two, {both} with both in the log"
    );
    assert_eq!((replies.as_str(), ends.as_str(), both.as_str()), ("400", "200", "200"));
    assert_eq!((warned, shown), (ROUNDS, ROUNDS));
}

/// The web app, with a role of its own that knows nothing of the desk.
async fn web_app(world: &World) -> Client {
    let role = format!("{}_web", world.db.name());
    world
        .sql(&format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA public TO {role}; \
             GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}"
        ))
        .await;
    let client = world.db.connect().await;
    client.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_15_what_the_web_app_changes_meanwhile_is_never_overwritten_unseen() {
    const ROUNDS: usize = 100;
    let _place = run::beside_others().await;
    let world = world().await;
    let ada = world.actor("ada").await;
    let web = web_app(&world).await;
    let desk = desk_from(world.db.url(), "ada's");
    let (mut told, mut kept, mut held) = (0, 0, 0);
    for round in 0..ROUNDS {
        let ticket = format!("t{round}");
        world.ticket(&ticket, "grace", "OPEN", "1 hour").await;
        let answers = round % 2 == 0;
        let command = if answers {
            Command::Reply {
                ticket: TicketId::new(ticket.as_str()),
                comment: CommentId::new(format!("c{round}")),
                content: "An answer".to_owned(),
                status: Change::new(Open, Pending),
                last_comment: LastComment::Seen(None),
            }
        } else {
            set_status(&ticket, Open, Resolved)
        };
        let change = format!("UPDATE public.support_tickets SET status = 'CLOSED' WHERE id = '{ticket}'");
        // Half of the changes are under way when the agent presses, the others are done.
        let under_way = round % 4 < 2;
        if under_way {
            web.batch_execute(&format!("BEGIN; {change}")).await.unwrap();
        } else {
            web.batch_execute(&change).await.unwrap();
        }
        let (desk, actor) = (desk.clone(), ada.clone());
        let agent = tokio::spawn(async move { desk.execute(&actor, command).await });
        if under_way {
            let waits = "SELECT count(*) > 0 FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) \
                          WHERE NOT l.granted AND a.datname = current_database()";
            while world.value(waits).await != "true" {
                assert!(!agent.is_finished(), "round {round}: nobody waited for the web app");
                tokio::task::yield_now().await;
            }
            held += 1;
            web.batch_execute("COMMIT").await.unwrap();
        }
        if let Err(Failure::Overtaken { field: "status", now, .. }) = agent.await.unwrap() {
            told += usize::from(TicketStatus::parse(&now.as_str().to_uppercase()) == Closed);
        }
        let status = format!("SELECT status FROM public.support_tickets WHERE id = '{ticket}'");
        kept += usize::from(world.value(&status).await == "CLOSED");
    }
    let sent = world.value("SELECT count(*) FROM public.ticket_comments").await;
    println!(
        "fault 15: {ROUNDS} changes by the web app while an agent edits, {held} of them still under way: {told} told, {kept} \
         kept, {sent} replies sent unseen"
    );
    assert_eq!((told, kept, sent.as_str()), (ROUNDS, ROUNDS, "0"));
}

/// The web app makes something else of the ticket in the moment in which these keys are pressed; what the screen says
/// of it.
async fn overtaken(world: &World, web: &Client, glass: &mut Glass, keys: &str, status: &str) -> bool {
    web.batch_execute(&format!("BEGIN; UPDATE public.support_tickets SET status = '{status}'"))
        .await
        .unwrap();
    glass.keys(keys);
    let waits = "SELECT count(*) > 0 FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) \
                  WHERE NOT l.granted AND a.datname = current_database()";
    let since = Instant::now();
    while world.value(waits).await != "true" {
        assert!(
            since.elapsed() < Duration::from_millis(1500),
            "nobody waits for the web app:\n{}",
            glass.text()
        );
        tokio::task::yield_now().await;
    }
    web.batch_execute("COMMIT").await.unwrap();
    glass.shows(&format!("the status became {status} meanwhile"));
    glass.shows(&format!("{status}  unassigned"));
    world.value("SELECT status FROM public.support_tickets").await == status
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_15_the_screen_says_what_became_of_it() {
    const ROUNDS: usize = 50;
    let _place = run::beside_others().await;
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let web = web_app(&world).await;
    let (mut glass, _state) = at_the_queue(&world, world.db.url()).await;
    let mut kept = 0;
    for round in 0..2 * ROUNDS {
        let status = ["PENDING", "OPEN", "RESOLVED", "CLOSED"][round / ROUNDS * 2 + round % 2];
        if round < ROUNDS {
            kept += usize::from(overtaken(&world, &web, &mut glass, "sc", status).await);
            continue;
        }
        if round == ROUNDS {
            glass.write_reply("An answer that waits");
            glass.keys("\u{1b}");
            glass.shows("Send to");
        }
        kept += usize::from(overtaken(&world, &web, &mut glass, "y", status).await);
        glass.shows("so nothing was");
        glass.shows("An answer that waits");
    }
    let sent = world.value("SELECT count(*) FROM public.ticket_comments").await;
    println!(
        "fault 15, on the screen: {ROUNDS} times a status set and {ROUNDS} times a reply sent while the web app changes the \
         ticket: told every time, {kept} kept, {sent} replies sent unseen"
    );
    assert_eq!((kept, sent.as_str()), (2 * ROUNDS, "0"));
    // Now that it was seen, it goes out.
    glass.keys("y");
    glass.shows("sent to");
    assert_eq!(world.value("SELECT content FROM public.ticket_comments").await, "An answer that waits");
}
