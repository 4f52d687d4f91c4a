//! Making the hashes of events and seals again, and comparing. No database: nothing that its owner may have changed
//! takes part in the reckoning.

use crate::domain::time::Timestamp;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::time::Duration;

/// Bytes of a hash.
const HASH: usize = 32;
/// An event that says to be so much older than the seal before its own was not written when it says. Transactions
/// last, clocks are set, and another server may take over: a day is beyond all of that.
const SLACK: Duration = Duration::from_secs(24 * 60 * 60);

/// A row of the log, in the texts that its hash is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table")]
pub struct Logged {
    pub id: i64,
    pub at: Timestamp,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub action: String,
    pub entity: String,
    pub entity_id: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub undoes: Option<i64>,
    pub origin: String,
    pub db_link: String,
    pub hash: Vec<u8>,
    pub place_salt: Option<Vec<u8>>,
    pub place_mark: Option<Vec<u8>>,
}

/// What the log itself says of events whose authors are erased: where those came from is gone, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasures {
    /// Accounts, each with the event that tells of its erasure.
    pub erased: Vec<(String, i64)>,
    /// The record of all events from before marks were made: up to which, and their digest.
    pub recount: Option<(i64, String)>,
}

/// Reckons again what the record of the events from before says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recount {
    chain: Vec<u8>,
}

/// A row of the seals.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table")]
pub struct Seal {
    pub number: i64,
    pub first_id: i64,
    pub last_id: i64,
    pub ids: Vec<i64>,
    pub hashes: Vec<u8>,
    pub digest: Vec<u8>,
    pub at: Timestamp,
}

/// Where a chain that holds ends so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The seal.
    pub number: i64,
    /// Its last event.
    pub last_id: i64,
    /// Its digest.
    pub digest: Vec<u8>,
    /// When it was made; none before the first.
    pub at: Option<Timestamp>,
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Tampering {
    /// An event is not what it was.
    #[error("event {0} was changed after it was written")]
    Changed(i64),
    /// Two events changed places.
    #[error("event {0} was swapped with event {1}")]
    Swapped(i64, i64),
    /// A sealed event is gone.
    #[error("event {0} was deleted")]
    Deleted(i64),
    /// An event stands where none was when that part of the log was sealed.
    #[error("event {0} was put in after its place in the log was sealed")]
    Inserted(i64),
    /// Where an event came from was taken out, and nobody was erased.
    #[error(
        "event {0} does not say any more where it came from, and the log tells of no erasure of its author"
    )]
    Placeless(i64),
    /// Events from before places were marked are not what was recorded of them.
    #[error("among the events up to {0}, one of an erased person was changed")]
    Recounted(i64),
    /// An event claims an earlier time than it can have.
    #[error("event {0} says to be older than events that were sealed before it was written")]
    Backdated(i64),
    /// A seal is not what it was.
    #[error("seal {0}, over the events {1} to {2}, was changed")]
    SealChanged(i64, i64, i64),
    /// A seal is gone.
    #[error("seal {0} is missing")]
    SealGone(i64),
    /// The head that was noted elsewhere is in no seal: the end of the log was cut off, or all of it was made anew.
    #[error("no seal has the noted head: the end of the log was cut off, or the log was made anew")]
    HeadGone,
}

impl Logged {
    /// The hash that the row should have.
    pub fn hash_made_again(&self) -> [u8; HASH] {
        self.hash_as(self.id)
    }

    /// The hash that the row would have under another number.
    fn hash_as(&self, id: i64) -> [u8; HASH] {
        match &self.place_mark {
            Some(mark) => self.hash_of(id, [Some(&hex(mark)), None]),
            None => self.hash_of(id, [Some(&self.origin), Some(&self.db_link)]),
        }
    }

    fn hash_of(&self, id: i64, place: [Option<&str>; 2]) -> [u8; HASH] {
        let mut text = String::with_capacity(256);
        let (id, at) = (id.to_string(), self.at.micros().to_string());
        let undoes = self.undoes.map(|id| id.to_string());
        for value in [
            Some(id.as_str()),
            Some(&at),
            Some(&self.actor_kind),
            self.actor_id.as_deref(),
            Some(&self.action),
            Some(&self.entity),
            Some(&self.entity_id),
            self.before.as_deref(),
            self.after.as_deref(),
            undoes.as_deref(),
            place[0],
            place[1],
        ] {
            field(&mut text, value);
        }
        Sha256::digest(text.as_bytes()).into()
    }

    /// Looks at an event that no seal holds yet.
    pub fn check(&self, erasures: &Erasures) -> Result<(), Tampering> {
        if self.is_recounted(erasures) || self.hash == self.hash_made_again() {
            self.check_place(erasures)
        } else {
            Err(Tampering::Changed(self.id))
        }
    }

    /// Whether where it came from is gone from an event that has no mark of it: the record answers for the rest.
    fn is_recounted(&self, erasures: &Erasures) -> bool {
        let recorded = erasures.recount.as_ref().is_some_and(|(upto, _)| self.id <= *upto);
        self.place_mark.is_none() && self.is_placeless() && recorded && erasures.cover(self)
    }

    fn is_placeless(&self) -> bool {
        self.place_salt.is_none() && self.origin.is_empty() && self.db_link.is_empty()
    }

    /// Looks whether it came from where it says.
    fn check_place(&self, erasures: &Erasures) -> Result<(), Tampering> {
        match (&self.place_mark, &self.place_salt) {
            (Some(mark), Some(salt)) => {
                let mut text = String::new();
                field(&mut text, Some(&self.origin));
                field(&mut text, Some(&self.db_link));
                let made = Sha256::new().chain_update(salt).chain_update(text).finalize();
                if made.as_slice() == mark { Ok(()) } else { Err(Tampering::Changed(self.id)) }
            }
            (Some(_), None) if !self.is_placeless() => Err(Tampering::Changed(self.id)),
            (Some(_), None) if !erasures.cover(self) => Err(Tampering::Placeless(self.id)),
            (None, Some(_)) => Err(Tampering::Changed(self.id)),
            (Some(_) | None, None) => Ok(()),
        }
    }
}

impl Erasures {
    /// Whether the log tells that its author is erased; for an event of nobody, that somebody was erased later.
    fn cover(&self, event: &Logged) -> bool {
        self.erased.iter().any(|(account, by)| match &event.actor_id {
            Some(actor) => actor == account,
            None => *by > event.id,
        })
    }
}

impl Recount {
    /// Takes in the next event.
    pub fn add(&mut self, event: &Logged) {
        if event.place_mark.is_none() {
            let bare = event.hash_of(event.id, [None, None]);
            let next = Sha256::new().chain_update(&self.chain).chain_update(event.id.to_be_bytes());
            self.chain = next.chain_update(&event.hash).chain_update(bare).finalize().to_vec();
        }
    }

    /// Looks whether it comes to what was recorded, once the last of those events is taken in.
    pub fn check(&self, erasures: &Erasures) -> Result<(), Tampering> {
        match &erasures.recount {
            Some((upto, digest)) if *digest != hex(&self.chain) => Err(Tampering::Recounted(*upto)),
            Some(_) | None => Ok(()),
        }
    }
}

/// A field with its length, so that no two rows read the same.
fn field(text: &mut String, value: Option<&str>) {
    match value {
        // Writing into a string does not fail.
        Some(value) => drop(write!(text, "{}:{value},", value.chars().count())),
        None => text.push_str("-,"),
    }
}

/// In hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Link {
    /// Looks at the next seal and all events in its range; answers where the chain ends then.
    pub fn check(&self, seal: &Seal, events: &[Logged], erasures: &Erasures) -> Result<Self, Tampering> {
        if seal.number != self.number + 1 {
            return Err(Tampering::SealGone(self.number + 1));
        }
        if !self.fits(seal) {
            return Err(Tampering::SealChanged(seal.number, seal.first_id, seal.last_id));
        }
        let mut sealed = seal.ids.iter().copied().zip(seal.hashes.chunks_exact(HASH)).peekable();
        for event in events {
            match sealed.peek() {
                Some((id, _)) if *id < event.id => return Err(Tampering::Deleted(*id)),
                Some((id, hash)) if *id == event.id => {
                    if event.hash != *hash
                        || event.hash_made_again() != **hash && !event.is_recounted(erasures)
                    {
                        return Err(changed(seal, event));
                    }
                    event.check_place(erasures)?;
                    sealed.next();
                }
                Some(_) | None => return Err(Tampering::Inserted(event.id)),
            }
            if self.at.is_some_and(|at| event.at < at.before(SLACK)) {
                return Err(Tampering::Backdated(event.id));
            }
        }
        match sealed.next() {
            Some((id, _)) => Err(Tampering::Deleted(id)),
            None => Ok(Self {
                number: seal.number,
                last_id: seal.last_id,
                digest: seal.digest.clone(),
                at: Some(seal.at),
            }),
        }
    }

    fn fits(&self, seal: &Seal) -> bool {
        let ascending = seal.ids.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = seal.ids.iter().all(|id| (seal.first_id..=seal.last_id).contains(id));
        seal.first_id == self.last_id + 1
            && ascending
            && inside
            && seal.hashes.len() == seal.ids.len() * HASH
            && seal.digest == self.digest_of(seal)
    }

    fn digest_of(&self, seal: &Seal) -> Vec<u8> {
        let mut digest = Sha256::new();
        digest.update(&self.digest);
        for number in [seal.number, seal.first_id, seal.last_id, seal.at.micros()] {
            digest.update(number.to_be_bytes());
        }
        for (id, hash) in seal.ids.iter().zip(seal.hashes.chunks_exact(HASH)) {
            digest.update(id.to_be_bytes());
            digest.update(hash);
        }
        digest.finalize().to_vec()
    }
}

/// How an event is not what was sealed under its number.
fn changed(seal: &Seal, event: &Logged) -> Tampering {
    let others = seal.ids.iter().copied().zip(seal.hashes.chunks_exact(HASH));
    let other = others
        .filter(|(id, _)| *id != event.id)
        .find(|(id, hash)| event.hash == *hash || event.hash_as(*id) == **hash);
    other.map_or(Tampering::Changed(event.id), |(id, _)| Tampering::Swapped(event.id, id))
}
