//! Looking whether the event log was tampered with: everything is reckoned again on this machine.

use super::{Desk, failure};
use crate::domain::failure::Failure;
use crate::store::error::Error;
use crate::store::seals::chain::{Link, Recount, Tampering, hex};
use crate::store::seals::{self, Head};

/// Seals in one read.
const SEALS: i64 = 8;
/// Events in one read; a seal holds fewer unless somebody put some in.
const EVENTS: i64 = 4000;

/// What became of looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Seals that hold.
    pub seals: u64,
    /// Events under them.
    pub sealed: u64,
    /// Events that no seal holds yet; each has the hash that it should have.
    pub unsealed: u64,
    /// The newest seal that holds.
    pub head: Option<Head>,
    /// The first thing that does not fit.
    pub tampering: Option<Tampering>,
}

impl Desk {
    /// Seals what can be sealed, then looks through the whole log. `head` is the digest of a seal that was noted
    /// elsewhere: it must still be there.
    pub async fn verify_log(&self, head: Option<&str>) -> Result<Verdict, Failure> {
        // Where this connection may only read, as much is verified as was sealed before.
        while matches!(self.seal_log().await, Ok(true)) {}
        let mut verdict = Verdict { seals: 0, sealed: 0, unsealed: 0, head: None, tampering: None };
        let looked = self.look_through(head, &mut verdict).await;
        looked.map_err(|error| failure::of_store(&error))?;
        Ok(verdict)
    }

    /// Seals events, a part of a long log at a time; answers whether there is more.
    pub(super) async fn seal_log(&self) -> Result<bool, Failure> {
        let sealed = self.pool.write(async |client| seals::seal(client).await).await;
        sealed.map(|events| events >= seals::MOST).map_err(|error| failure::of_store(&error))
    }

    async fn look_through(&self, head: Option<&str>, verdict: &mut Verdict) -> Result<(), Error> {
        let wanted = head.map(str::to_ascii_lowercase);
        let mut wanted_found = wanted.is_none();
        let erasures = self.pool.read(async |db| seals::erasures(db).await).await?;
        let upto = erasures.recount.as_ref().map_or(0, |(upto, _)| *upto);
        let (mut link, mut recount) = (Link::default(), Recount::default());
        loop {
            let number = link.number;
            let batch = self.pool.read(async |client| seals::after(client, number, SEALS).await).await?;
            if batch.is_empty() {
                break;
            }
            for seal in batch {
                let range = (seal.first_id, seal.last_id);
                let events =
                    self.pool.read(async |db| seals::logged(db, range.0, range.1, EVENTS).await).await?;
                events.iter().filter(|event| event.id <= upto).for_each(|event| recount.add(event));
                match link.check(&seal, &events, &erasures) {
                    Ok(next) => link = next,
                    Err(tampering) => {
                        verdict.tampering = Some(tampering);
                        return Ok(());
                    }
                }
                verdict.seals += 1;
                verdict.sealed += events.len() as u64;
                let digest = hex(&link.digest);
                wanted_found |= wanted.as_deref() == Some(&digest);
                let at = seal.at;
                verdict.head = Some(Head { number: seal.number, digest, at, unsealed: 0 });
            }
        }
        let mut last = link.last_id;
        loop {
            let tail = self.pool.read(async |db| seals::logged(db, last + 1, i64::MAX, EVENTS).await).await?;
            let Some(newest) = tail.last() else { break };
            last = newest.id;
            for event in &tail {
                if event.id <= upto {
                    recount.add(event);
                }
                if let Err(tampering) = event.check(&erasures) {
                    verdict.tampering = Some(tampering);
                    return Ok(());
                }
                verdict.unsealed += 1;
            }
        }
        if let Some(head) = &mut verdict.head {
            head.unsealed = i64::try_from(verdict.unsealed).unwrap_or(i64::MAX);
        }
        verdict.tampering =
            if wanted_found { recount.check(&erasures).err() } else { Some(Tampering::HeadGone) };
        Ok(())
    }
}
