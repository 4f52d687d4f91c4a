//! Clients at work: what `desk demo --live` plays.
//!
//! [`Script`] is pure: the same seed gives the same acts in the same order. [`apply`] writes an act as the
//! web app would, by plain inserts into `public`; it never touches `desk`, whose triggers do the rest.

use super::asset::{LiveFile, RawAnswer, RawNew, read};
use super::sample::{self, Broken, Cast};
use crate::domain::ids::{TicketId, UserId};
use crate::store::error::{Meaning, Result};
use crate::store::pool::connect::Connector;
use crate::store::sql;
use crate::store::transaction::Transaction;
use std::time::Duration;
use tokio_postgres::Client;

const LIVE: &str = include_str!("../../../assets/demo/live.toml");
/// Somebody else may take the number that we chose.
const TRIES: u32 = 3;

/// One thing that a client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Opens a ticket.
    Open {
        /// Who.
        client: UserId,
        /// The subject line.
        subject: String,
        /// The description.
        text: String,
    },
    /// Writes in a ticket of their own.
    Answer {
        /// Which ticket.
        ticket: TicketId,
        /// The comment.
        text: String,
    },
    /// Writes in the ticket that staff answered last, within the last hour.
    AnswerBack {
        /// The comment.
        text: String,
    },
}

/// An act, and how long to wait before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The pause.
    pub wait: Duration,
    /// What then happens.
    pub act: Act,
}

/// An endless sequence of acts.
#[derive(Clone, Debug)]
pub struct Script {
    random: u64,
    opens: Deck,
    answers: Deck,
    backs: Deck,
}

impl Script {
    /// Reads the assets; the order of the acts follows from the seed.
    pub fn new(seed: u64) -> std::result::Result<Self, Broken> {
        let cast = Cast::load()?;
        let file: LiveFile = read(LIVE)?;
        let open = |raw: RawNew| {
            Ok(Act::Open { client: cast.client(&raw.client)?, subject: raw.subject, text: raw.text })
        };
        let answer = |raw: RawAnswer| Act::Answer { ticket: sample::ticket_id(&raw.subject), text: raw.text };
        Ok(Self {
            random: seed,
            opens: Deck::new(file.new.into_iter().map(open).collect::<std::result::Result<_, Broken>>()?),
            answers: Deck::new(file.answer.into_iter().map(answer).collect()),
            backs: Deck::new(file.back.into_iter().map(|raw| Act::AnswerBack { text: raw.text }).collect()),
        })
    }

    /// splitmix64: small, and the same on every machine.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Iterator for Script {
    type Item = Beat;

    fn next(&mut self) -> Option<Beat> {
        let wait = Duration::from_secs(6 + self.draw() % 15);
        let kind = self.draw() % 10;
        let pick = self.draw();
        let act = match kind {
            0..=3 => self.opens.deal(pick),
            // An answer to a certain ticket makes sense once.
            4..=6 => self.answers.deal_once(pick).or_else(|| self.opens.deal(pick)),
            _ => self.backs.deal(pick),
        };
        act.map(|act| Beat { wait, act })
    }
}

/// Acts to be dealt, none twice before all were.
#[derive(Clone, Debug)]
struct Deck {
    left: Vec<Act>,
    dealt: Vec<Act>,
}

impl Deck {
    fn new(left: Vec<Act>) -> Self {
        Self { left, dealt: Vec::new() }
    }

    fn deal(&mut self, pick: u64) -> Option<Act> {
        if self.left.is_empty() {
            std::mem::swap(&mut self.left, &mut self.dealt);
        }
        self.deal_once(pick)
    }

    fn deal_once(&mut self, pick: u64) -> Option<Act> {
        if self.left.is_empty() {
            return None;
        }
        let act = self.left.swap_remove((pick % self.left.len() as u64) as usize);
        self.dealt.push(act.clone());
        Some(act)
    }
}

/// Plays a script until the task that runs this is dropped. An act that fails is left out; a lost connection is made
/// again before the next one.
pub async fn play(connector: &Connector, script: Script) {
    let mut link = None;
    for beat in script {
        tokio::time::sleep(beat.wait).await;
        if link.as_ref().is_none_or(Client::is_closed) {
            link = connector.connect().await.ok().map(|(client, _)| client);
        }
        let Some(client) = &mut link else { continue };
        if let Err(error) = apply(client, &beat.act).await {
            tracing::warn!(code = error.code(), detail = error.detail(), "demo client: {}", error.sentence());
        }
    }
}

/// Writes one act. `None` when there is nothing to answer (the ticket is gone, or staff answered none).
pub async fn apply(client: &mut Client, act: &Act) -> Result<Option<TicketId>> {
    match act {
        Act::Open { client: owner, subject, text } => open(client, owner, subject, text).await.map(Some),
        Act::Answer { ticket, text } => answer(client, ticket, text).await,
        Act::AnswerBack { text } => match answered_last(client).await? {
            Some(ticket) => answer(client, &ticket, text).await,
            None => Ok(None),
        },
    }
}

async fn open(client: &Client, owner: &UserId, subject: &str, text: &str) -> Result<TicketId> {
    const SQL: &str = "
        INSERT INTO public.support_tickets
            (id, ticket_number, subject, description, status, client_id, created_at, updated_at)
        SELECT pg_catalog.gen_random_uuid()::text,
               'TKT-' || pg_catalog.lpad(next.n::text, greatest(4, pg_catalog.length(next.n::text)), '0'),
               $2, $3, 'OPEN'::public.ticket_status, $1, clock.now, clock.now
        FROM (SELECT coalesce(pg_catalog.max(number_value), 1000) + 1 AS n
              FROM desk.tickets WHERE number_prefix = 'TKT-') AS next,
             (SELECT pg_catalog.date_trunc('milliseconds',
                     pg_catalog.clock_timestamp() AT TIME ZONE 'utc') AS now) AS clock
        RETURNING id";
    let owner = owner.as_str();
    let mut tries = 1;
    loop {
        match sql::row(client, SQL, &[sql::text(&owner), sql::text(&subject), sql::text(&text)]).await {
            Err(error) if matches!(error.meaning(), Meaning::Duplicate(_)) && tries < TRIES => tries += 1,
            row => return sql::get(&row?, "id").map(|id: String| TicketId::new(id)),
        }
    }
}

async fn answer(client: &mut Client, ticket: &TicketId, text: &str) -> Result<Option<TicketId>> {
    let tx = Transaction::begin(client);
    let written = sql::execute(
        &tx,
        "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at, updated_at)
             SELECT pg_catalog.gen_random_uuid()::text, $2, ticket.id, ticket.client_id,
                    'CLIENT'::public.comment_sender, clock.now, clock.now
             FROM public.support_tickets AS ticket,
                  (SELECT pg_catalog.date_trunc('milliseconds',
                          pg_catalog.clock_timestamp() AT TIME ZONE 'utc') AS now) AS clock
             WHERE ticket.id = $1",
        &[sql::text(&ticket.as_str()), sql::text(&text)],
    )
    .await?;
    sql::execute(
        &tx,
        "UPDATE public.support_tickets
         SET last_replied_at = pg_catalog.date_trunc('milliseconds',
                                                     pg_catalog.clock_timestamp() AT TIME ZONE 'utc')
         WHERE id = $1",
        &[sql::text(&ticket.as_str())],
    )
    .await?;
    tx.commit().await?;
    Ok((written == 1).then(|| ticket.clone()))
}

async fn answered_last(client: &Client) -> Result<Option<TicketId>> {
    let row = sql::maybe_row(
        client,
        "SELECT ticket_id AS id FROM desk.tickets
         WHERE last_side = 'ADMIN'
           AND last_activity_at > (pg_catalog.clock_timestamp() AT TIME ZONE 'utc') - interval '1 hour'
         ORDER BY last_activity_at DESC, ticket_id DESC LIMIT 1",
        &[],
    )
    .await?;
    row.map(|row| sql::get(&row, "id").map(|id: String| TicketId::new(id))).transpose()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use std::collections::HashSet;

    #[test]
    fn the_same_seed_gives_the_same_acts_and_another_gives_others() {
        let play = |seed| Script::new(seed).unwrap().take(50).collect::<Vec<_>>();
        assert_eq!(play(1), play(1));
        assert_ne!(play(1), play(2));
    }

    #[test]
    fn answers_belong_to_tickets_of_the_sample_and_are_given_once() {
        let now = Timestamp::from_micros(1_767_607_200_000_000);
        let known: HashSet<_> =
            sample::load(now).unwrap().tickets.into_iter().map(|ticket| ticket.id).collect();
        let mut answered = HashSet::new();
        for beat in Script::new(7).unwrap().take(500) {
            if let Act::Answer { ticket, .. } = beat.act {
                assert!(known.contains(&ticket));
                assert!(answered.insert(ticket));
            }
        }
        assert_eq!(answered.len(), 12);
    }
}
