//! Writing: what a command leaves behind, and that nothing is overwritten unseen.

use crate::support::world::{World, assign, desk_from, reply, set_status, world};
use kaygia_desk::auth::Actor;
use kaygia_desk::desk::Gateway;
use kaygia_desk::domain::command::{Change, Command, LastComment};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{CommentId, TicketId, UserId};
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::ticket::{Draft, Priority, TicketStatus};

use TicketStatus::{Closed, Open, Pending, Resolved};

/// A ticket `t` of grace, opened an hour ago, answered by nobody.
async fn one() -> (World, Actor) {
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let ada = world.actor("ada").await;
    (world, ada)
}

fn overtaken(failure: Failure) -> (&'static str, String, Option<String>) {
    match failure {
        Failure::Overtaken { field, now, by } => {
            (field, now.as_str().to_owned(), by.map(|by| by.as_str().to_owned()))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_taken_ticket_cannot_be_taken_again_unseen() {
    let (world, ada) = one().await;
    let alan = world.actor("alan").await;
    let done = world.execute(&ada, assign("t", None, Some("ada"))).await.unwrap();
    assert_eq!(done.row.unwrap().assignee.unwrap().display_name(), "Ada Lovelace");
    let refused = world.execute(&alan, assign("t", None, Some("alan"))).await.unwrap_err();
    assert_eq!(overtaken(refused), ("assignee", "Ada Lovelace".to_owned(), Some("Ada Lovelace".to_owned())));
    assert_eq!(
        world.value("SELECT concat_ws(' ', actor_id, action, entity_id, before, after, origin) FROM desk.events WHERE action LIKE 'ticket.%'").await,
        r#"ada ticket.assign t {"assignee_id": null} {"assignee_id": "ada"} test"#
    );
}

#[tokio::test]
async fn taking_what_one_has_already_changes_nothing() {
    let (world, ada) = one().await;
    let first = world.execute(&ada, assign("t", None, Some("ada"))).await.unwrap();
    let second = world.execute(&ada, assign("t", None, Some("ada"))).await.unwrap();
    assert!(first.event.is_some());
    assert!(second.event.is_none());
    assert_eq!(first.row, second.row);
}

#[tokio::test]
async fn two_who_take_at_the_same_moment_get_one_ticket_between_them() {
    let (world, ada) = one().await;
    let alan = world.actor("alan").await;
    for n in 0..20 {
        let id = format!("t{n}");
        world.ticket(&id, "grace", "OPEN", "1 hour").await;
        let (one, other) = tokio::join!(
            world.execute(&ada, assign(&id, None, Some("ada"))),
            world.execute(&alan, assign(&id, None, Some("alan")))
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let holder =
            world.value(&format!("SELECT assignee_id FROM desk.tickets WHERE ticket_id = '{id}'")).await;
        assert_eq!(holder, if one.is_ok() { "ada" } else { "alan" });
    }
}

#[tokio::test]
async fn of_two_who_reply_at_the_same_moment_the_later_one_is_told_first() {
    let (world, ada) = one().await;
    let alan = world.actor("alan").await;
    for n in 0..10 {
        let id = format!("t{n}");
        world.ticket(&id, "grace", "OPEN", "1 hour").await;
        let (a, b) = (format!("a{n}"), format!("b{n}"));
        let (one, other) = tokio::join!(
            world.execute(&ada, reply(&id, &a, (Open, Open), None)),
            world.execute(&alan, reply(&id, &b, (Open, Open), None))
        );
        let (late, failure, seen) = match (one, other) {
            (Ok(_), Err(failure)) => (&alan, failure, &a),
            (Err(failure), Ok(_)) => (&ada, failure, &b),
            both => panic!("{both:?}"),
        };
        assert_eq!(failure, Failure::NewMessages(1));
        let again = reply(&id, if seen == &a { &b } else { &a }, (Open, Open), Some(seen));
        assert_eq!(world.execute(late, again).await.unwrap().answered.unwrap().comments, 2);
    }
}

#[tokio::test]
async fn a_status_that_the_web_app_changed_is_not_overwritten() {
    let (world, ada) = one().await;
    world.sql("UPDATE public.support_tickets SET status = 'PENDING' WHERE id = 't'").await;
    let refused = world.execute(&ada, set_status("t", Open, Resolved)).await.unwrap_err();
    assert_eq!(overtaken(refused), ("status", "PENDING".to_owned(), None));
    world.execute(&ada, set_status("t", Pending, Resolved)).await.unwrap();
    let refused = world.execute(&ada, set_status("t", Open, Closed)).await.unwrap_err();
    assert_eq!(overtaken(refused), ("status", "RESOLVED".to_owned(), Some("Ada Lovelace".to_owned())));
    assert_eq!(world.value("SELECT status FROM public.support_tickets WHERE id = 't'").await, "RESOLVED");
}

#[tokio::test]
async fn a_status_set_while_the_web_app_holds_the_row_waits_and_then_sees_its_value() {
    let (world, ada) = one().await;
    let web = world.db.connect().await;
    web.batch_execute("BEGIN; UPDATE public.support_tickets SET status = 'PENDING' WHERE id = 't'")
        .await
        .unwrap();
    let command = set_status("t", Open, Resolved);
    let (answer, ()) = tokio::join!(world.execute(&ada, command), async {
        while world.value("SELECT count(*) FROM pg_locks WHERE NOT granted").await == "0" {
            tokio::task::yield_now().await;
        }
        web.batch_execute("COMMIT").await.unwrap();
    });
    assert_eq!(overtaken(answer.unwrap_err()), ("status", "PENDING".to_owned(), None));
}

#[tokio::test]
async fn a_comment_of_the_web_app_and_its_update_of_the_ticket_never_deadlock_with_a_reply() {
    let (world, ada) = one().await;
    let web = world.db.connect().await;
    web.batch_execute(
        "BEGIN; INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at) \
         VALUES ('w', 'more', 't', 'grace', 'CLIENT', clock_timestamp() AT TIME ZONE 'utc')",
    )
    .await
    .unwrap();
    let (answer, web_answer) =
        tokio::join!(world.execute(&ada, reply("t", "r", (Open, Pending), None)), async {
            while world.value("SELECT count(*) FROM pg_locks WHERE NOT granted").await == "0" {
                tokio::task::yield_now().await;
            }
            web.batch_execute("UPDATE public.support_tickets SET updated_at = now() WHERE id = 't'; COMMIT")
                .await
        });
    web_answer.unwrap();
    assert_eq!(answer.unwrap_err(), Failure::NewMessages(1));
}

#[tokio::test]
async fn finishing_stops_the_clock_and_opening_again_lets_it_run_as_before() {
    let (world, ada) = one().await;
    let before = world.row(&ada, "t").await;
    assert!(before.waiting_since.is_some());
    let done = world.execute(&ada, set_status("t", Open, Resolved)).await.unwrap();
    assert_eq!(done.row.unwrap().waiting_since, None);
    let undone = world.execute(&ada, set_status("t", Resolved, Open)).await.unwrap().row.unwrap();
    assert_eq!(undone.waiting_since, before.waiting_since);
    assert_eq!(undone.queue_key, before.queue_key);
}

#[tokio::test]
async fn no_answer_needed_survives_finishing_and_opening_again() {
    let (world, ada) = one().await;
    let since = world.row(&ada, "t").await.waiting_since;
    let stop = Command::SetWaiting { ticket: TicketId::new("t"), change: Change::new(since, None) };
    let stopped = world.execute(&ada, stop.clone()).await.unwrap().row.unwrap();
    assert_eq!(stopped.waiting_since, None);
    world.execute(&ada, set_status("t", Open, Closed)).await.unwrap();
    let opened = world.execute(&ada, set_status("t", Closed, Open)).await.unwrap().row.unwrap();
    assert_eq!(opened.waiting_since, None, "the client had been answered before the ticket was closed");
    let running = world.execute(&ada, stop.inverse().unwrap()).await.unwrap().row.unwrap();
    assert_eq!(running.waiting_since, since);
    world.comment("c", "t", "grace", "CLIENT", "0 seconds").await;
    assert_eq!(world.row(&ada, "t").await.waiting_since, since, "the first message counts");
}

#[tokio::test]
async fn a_priority_is_compared_and_set() {
    let (world, ada) = one().await;
    let set = |seen, to| Command::SetPriority { ticket: TicketId::new("t"), change: Change::new(seen, to) };
    let done = world.execute(&ada, set(Priority::Normal, Priority::Urgent)).await.unwrap();
    assert_eq!(done.row.unwrap().priority, Priority::Urgent);
    let refused = world.execute(&ada, set(Priority::Normal, Priority::Low)).await.unwrap_err();
    assert_eq!(overtaken(refused), ("priority", "urgent".to_owned(), Some("Ada Lovelace".to_owned())));
}

#[tokio::test]
async fn a_reply_is_one_transaction_with_all_that_belongs_to_it() {
    let (world, ada) = one().await;
    world.comment("c", "t", "grace", "CLIENT", "10 minutes").await;
    world.execute(&ada, save("t", "r", "Half a th", 0)).await.unwrap();
    let before = world.row(&ada, "t").await;
    let done = world.execute(&ada, reply("t", "r", (Open, Pending), Some("c"))).await.unwrap();
    let answered = done.answered.unwrap();
    let row = world.row(&ada, "t").await;
    assert_eq!((&row.status, row.waiting_since, row.unread, row.has_draft), (&Pending, None, false, false));
    assert_eq!(answered.applied_to(&before), row, "what the reply tells of its ticket is what is read of it");
    assert_eq!(
        world
            .value(
                "SELECT concat_ws(' ', c.user_id, c.sender, c.content, c.created_at = s.last_replied_at, \
                            s.updated_at = s.last_replied_at, r.seen_at = c.created_at) \
                       FROM public.ticket_comments c, public.support_tickets s, desk.reads r \
                      WHERE c.id = 'r' AND s.id = 't' AND r.user_id = 'ada'"
            )
            .await,
        "ada ADMIN Answer r t t t"
    );
    assert_eq!(
        world
            .value("SELECT concat_ws(' ', before, after) FROM desk.events WHERE action = 'ticket.reply'")
            .await,
        r#"{"status": "OPEN"} {"status": "PENDING", "comment_id": "r"}"#
    );
    assert_eq!(world.value("SELECT count(*) FROM desk.stale").await, "0", "our row was locked by ourselves");
}

#[tokio::test]
async fn new_messages_of_others_are_told_before_a_reply_or_a_resolve_goes_on() {
    let (world, ada) = one().await;
    world.comment("c1", "t", "grace", "CLIENT", "30 minutes").await;
    world.comment("c2", "t", "alan", "ADMIN", "20 minutes").await;
    world.comment("c3", "t", "ada", "ADMIN", "10 minutes").await;
    let cases = [(None, 2), (Some("c1"), 1), (Some("c2"), 0), (Some("gone"), 2)];
    for (at, (seen, news)) in cases.into_iter().enumerate() {
        let answer = world.execute(&ada, reply("t", &format!("r{at}"), (Open, Open), seen)).await;
        match news {
            0 => assert!(answer.is_ok(), "{answer:?}"),
            news => assert_eq!(answer.unwrap_err(), Failure::NewMessages(news), "{seen:?}"),
        }
    }
    let resolve = |last_comment| Command::SetStatus {
        ticket: TicketId::new("t"),
        change: Change::new(Open, Resolved),
        last_comment,
    };
    let first = world.execute(&ada, resolve(LastComment::Seen(Some(CommentId::new("c1"))))).await;
    assert_eq!(first.unwrap_err(), Failure::NewMessages(1));
    world.execute(&ada, resolve(LastComment::Any)).await.unwrap();
}

#[tokio::test]
async fn a_reply_that_keeps_the_status_does_not_mind_another_status() {
    let (world, ada) = one().await;
    world.sql("UPDATE public.support_tickets SET status = 'PENDING' WHERE id = 't'").await;
    let done = world.execute(&ada, reply("t", "r", (Open, Open), None)).await.unwrap();
    assert_eq!(done.answered.unwrap().status, Pending);
    world.sql("UPDATE public.support_tickets SET status = 'CLOSED' WHERE id = 't'").await;
    let refused = world.execute(&ada, reply("t", "r2", (Open, Pending), Some("r"))).await.unwrap_err();
    assert_eq!(overtaken(refused).1, "CLOSED");
    assert_eq!(world.value("SELECT count(*) FROM public.ticket_comments").await, "1");
}

#[tokio::test]
async fn a_reply_comes_after_the_message_that_it_answers_even_if_the_web_servers_clock_is_ahead() {
    let (world, ada) = one().await;
    world.comment("c", "t", "grace", "CLIENT", "-20 seconds").await;
    world.execute(&ada, reply("t", "a", (Open, Open), Some("c"))).await.unwrap();
    let thread = world.thread(&ada, "t").await;
    assert_eq!(thread.comments.iter().map(|comment| comment.id.as_str()).collect::<Vec<_>>(), ["c", "a"]);
    assert_eq!(thread.ticket.waiting_since, None);
}

#[tokio::test]
async fn a_reply_id_that_belongs_to_another_message_is_refused() {
    let (world, ada) = one().await;
    world.comment("c", "t", "grace", "CLIENT", "10 minutes").await;
    let refused = world.execute(&ada, reply("t", "c", (Open, Open), Some("c"))).await.unwrap_err();
    assert!(matches!(refused, Failure::Invalid(_)), "{refused:?}");
    assert_eq!(world.value("SELECT content FROM public.ticket_comments WHERE id = 'c'").await, "Text of c");
}

fn save(ticket: &str, comment: &str, content: &str, version: i64) -> Command {
    let draft = Draft {
        comment: CommentId::new(comment),
        content: content.to_owned(),
        last_comment: None,
        status_after: Some(Pending),
        older_content: None,
        version,
    };
    Command::SaveDraft { ticket: TicketId::new(ticket), draft }
}

#[tokio::test]
async fn of_two_hosts_the_later_draft_wins_and_the_other_text_is_kept() {
    let (world, ada) = one().await;
    let elsewhere = desk_from(world.db.url(), "another host");
    assert_eq!(world.execute(&ada, save("t", "r", "one", 0)).await.unwrap().draft_version, Some(1));
    assert_eq!(world.execute(&ada, save("t", "r", "one two", 1)).await.unwrap().draft_version, Some(2));
    let done = elsewhere.execute(&ada, save("t", "x", "other", 1)).await.unwrap();
    assert_eq!((done.draft_version, done.other_text.as_deref()), (Some(3), Some("one two")));
    let draft = world.thread(&ada, "t").await.draft.unwrap();
    assert_eq!((draft.content.as_str(), draft.older_content.as_deref()), ("other", Some("one two")));
    assert_eq!((draft.comment.as_str(), draft.status_after), ("x", Some(Pending)));
    let again = elsewhere.execute(&ada, save("t", "x", "other", 1)).await.unwrap();
    assert_eq!(again.draft_version, Some(4), "the same text again is no other text");
    let alan = world.actor("alan").await;
    assert_eq!(world.thread(&alan, "t").await.draft, None, "drafts are one's own");
}

#[tokio::test]
async fn a_draft_saved_after_its_message_was_sent_does_not_come_back() {
    let (world, ada) = one().await;
    world.execute(&ada, reply("t", "r", (Open, Open), None)).await.unwrap();
    let late = world.execute(&ada, save("t", "r", "Answer", 3)).await.unwrap();
    assert_eq!(late.draft_version, None);
    assert_eq!(world.value("SELECT count(*) FROM desk.drafts").await, "0");
}

#[tokio::test]
async fn a_discarded_draft_is_gone_unless_another_took_its_place() {
    let (world, ada) = one().await;
    world.execute(&ada, save("t", "r", "text", 0)).await.unwrap();
    let discard =
        |comment| Command::DiscardDraft { ticket: TicketId::new("t"), comment: CommentId::new(comment) };
    world.execute(&ada, discard("older")).await.unwrap();
    assert!(world.row(&ada, "t").await.has_draft);
    world.execute(&ada, discard("r")).await.unwrap();
    assert!(!world.row(&ada, "t").await.has_draft);
}

#[tokio::test]
async fn what_is_gone_is_said_to_be_gone() {
    let (world, ada) = one().await;
    for command in [
        assign("x", None, Some("ada")),
        set_status("x", Open, Closed),
        reply("x", "r", (Open, Open), None),
        save("x", "r", "text", 0),
        Command::MarkSeen { ticket: TicketId::new("x"), up_to: Some(world.row(&ada, "t").await.created_at) },
    ] {
        assert_eq!(world.execute(&ada, command).await.unwrap_err(), Failure::Gone("ticket"));
    }
    assert_eq!(world.fetch(&ada, Query::Thread(TicketId::new("x"))).await, Answer::Thread(None));
    assert_eq!(world.fetch(&ada, Query::Client(UserId::new("ada"))).await, Answer::Client(None));
}

#[tokio::test]
async fn a_ticket_that_no_trigger_told_us_of_can_be_worked_on() {
    let (world, ada) = one().await;
    world.sql("DELETE FROM desk.tickets").await;
    let done = world.execute(&ada, assign("t", None, Some("ada"))).await.unwrap();
    assert_eq!(done.row.unwrap().assignee.unwrap().id.as_str(), "ada");
}

// One person had the same draft open in two windows. One window sent; the other went on typing, sent too, and was told
// "sent": the id was there already. Its text had gone nowhere, and its draft was deleted.
#[tokio::test]
async fn a_draft_sent_from_one_window_keeps_what_another_window_wrote() {
    let (world, ada) = one().await;
    let other = desk_from(world.db.url(), "another host");
    world.execute(&ada, save("t", "r", "Answer", 0)).await.unwrap();
    other.execute(&ada, save("t", "r", "Answer, and more", 1)).await.unwrap();
    world.execute(&ada, reply("t", "r", (Open, Open), None)).await.unwrap();
    let draft = world.thread(&ada, "t").await.draft.unwrap();
    assert_eq!(draft.content, "Answer, and more");
    assert_ne!(draft.comment.as_str(), "r", "it is another message now");
    let again = world.execute(&ada, reply("t", "r", (Open, Open), None)).await;
    assert!(again.is_ok(), "the same text is the same sending: {again:?}");
    let mut differs = reply("t", "r", (Open, Open), None);
    if let Command::Reply { content, .. } = &mut differs {
        "Another text".clone_into(content);
    }
    assert_eq!(world.execute(&ada, differs).await.unwrap_err(), Failure::SentElsewhere);
    assert_eq!(world.value("SELECT string_agg(content, '|') FROM public.ticket_comments").await, "Answer r");
}
