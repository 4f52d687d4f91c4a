//! Who somebody is: passwords, session tokens, and the only makers of an [`Actor`].
//!
//! Pure: random bytes come in as arguments, the clock does not exist here. bcrypt takes long on purpose:
//! callers run [`Attempt::work`] off the thread that draws.

mod common;

use crate::domain::command::PasswordHash;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::safe_text::SafeText;
use crate::domain::user::Role;
use common::Guessed;
use sha2::{Digest, Sha256};
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// A stored cost above this is refused: cost 31 would take days.
pub const HIGHEST_COST: u32 = 14;
/// The cost of the hashes that we make, and of the dummy work where no hash is known.
pub const OUR_COST: u32 = 12;
/// bcrypt reads no further, and neither does the web app's.
const LONGEST_PASSWORD: usize = 72;
const SHORTEST_PASSWORD: usize = 12;

/// A password as typed. Wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes what was typed.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Checks a password that is to be set: 12 characters or more, 72 bytes or fewer, no NUL, not easily guessed.
    pub fn check_new(&self) -> Result<(), PasswordRefused> {
        self.check_new_of(&[])
    }

    /// The same, for an owner of whom this is known: name, address, company.
    pub fn check_new_of(&self, about: &[&str]) -> Result<(), PasswordRefused> {
        if self.0.chars().count() < SHORTEST_PASSWORD {
            Err(PasswordRefused::TooShort)
        } else if self.0.len() > LONGEST_PASSWORD {
            Err(PasswordRefused::TooLong)
        } else if self.0.contains('\0') {
            Err(PasswordRefused::Nul)
        } else {
            match common::guessed(&self.0, about) {
                Some(Guessed::Common) => Err(PasswordRefused::Common),
                Some(Guessed::Personal) => Err(PasswordRefused::Personal),
                None => Ok(()),
            }
        }
    }

    /// Hashes a new password at our cost. Takes about half a second.
    pub fn hash(&self) -> Result<PasswordHash, PasswordRefused> {
        self.check_new()?;
        bcrypt::hash(self.0.as_bytes(), OUR_COST).map(PasswordHash::new).map_err(|_| PasswordRefused::TooLong)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// Why a new password can't be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Fewer than 12 characters.
    #[error("the password is too short: take 12 characters or more")]
    TooShort,
    /// More than 72 bytes.
    #[error("the password is too long: 72 bytes at most (the web app reads no further)")]
    TooLong,
    /// A NUL inside.
    #[error("the password holds a NUL character: take another one")]
    Nul,
    /// Others would try it first.
    #[error(
        "the password is among the commonest, or one of them with something added: take a few words that have nothing to do with each other"
    )]
    Common,
    /// Others would try it first who know its owner.
    #[error(
        "the password is little more than a name, an address or this product's name: take a few words that have nothing to do with you"
    )]
    Personal,
}

/// How long a session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So long it may lie unused before it wants the password again; none: as long as it lasts.
    pub idle: Option<Duration>,
    /// It ends after so long, whatever happens in it.
    pub session: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle: Some(Duration::from_secs(15 * 60)), session: Duration::from_secs(12 * 60 * 60) }
    }
}

/// What the database knows of an account that somebody wants to sign in to.
#[derive(Clone, Debug)]
pub struct Account {
    /// The row of `users`.
    pub id: UserId,
    /// For the header.
    pub name: SafeText,
    /// As stored.
    pub email: SafeText,
    /// Rights now.
    pub role: Role,
    /// Switched on.
    pub active: bool,
    /// Address verified.
    pub verified: bool,
    /// May be missing.
    pub password_hash: Option<PasswordHash>,
}

impl Account {
    fn may_enter(&self) -> bool {
        self.role.is_staff() && self.active && self.verified
    }
}

/// One attempt to sign in: the same work whatever the account is.
#[derive(Debug)]
pub struct Attempt {
    account: Option<Account>,
    password: Password,
    top_cost: u32,
}

impl Attempt {
    /// `account` is none when the address is unknown or ambiguous; `top_cost` is the highest cost among the
    /// hashes of staff: everybody's attempt is made to cost that much.
    pub fn new(account: Option<Account>, password: Password, top_cost: u32) -> Self {
        Self { account, password, top_cost: top_cost.clamp(4, HIGHEST_COST) }
    }

    fn stored(&self) -> Option<&PasswordHash> {
        self.account.as_ref().and_then(|account| account.password_hash.as_ref())
    }

    /// What is to be worked at: always 2^top rounds in all.
    fn plan(&self) -> Work {
        let top = self.top_cost;
        // A hash of somebody who may not enter is not looked at: it may cost more than those of staff.
        let entrant = self.account.as_ref().filter(|account| account.may_enter());
        match entrant.and_then(|_| self.stored()).and_then(cost_of).filter(|cost| *cost <= top) {
            Some(cost) => Work { burnt: (cost..top).collect(), verified: Some(cost) },
            None => Work { burnt: vec![top], verified: None },
        }
    }

    /// Verifies, with dummy work up to the same cost. Blocks for as long as bcrypt takes.
    pub fn work(self) -> Result<Admitted, Refused> {
        let bytes = self.password.0.as_bytes();
        let work = self.plan();
        work.burnt.iter().for_each(|cost| burn(bytes, *cost));
        let verified = match self.stored() {
            Some(hash) if work.verified.is_some() => {
                !bytes.contains(&0) && bcrypt::verify(bytes, hash.expose()).unwrap_or(false)
            }
            _ => false,
        };
        match self.account {
            Some(account) if verified && account.may_enter() => Ok(Admitted(account)),
            _ => Err(Refused),
        }
    }
}

/// The hashes of one attempt, by their costs.
#[derive(Debug, PartialEq, Eq)]
struct Work {
    burnt: Vec<u32>,
    verified: Option<u32>,
}

/// Work worth one hash at `cost`: 2^cost rounds. Costs c, c+1 .. t-1 together top a hash of cost c up to t.
/// Ends the password with a NUL as verifying does: bcrypt takes no empty one.
fn burn(password: &[u8], cost: u32) {
    let mut bytes = Zeroizing::new(password[..password.len().min(LONGEST_PASSWORD - 1)].to_vec());
    bytes.push(0);
    let _ = std::hint::black_box(bcrypt::bcrypt(cost, [0x5a; 16], &bytes));
}

fn cost_of(hash: &PasswordHash) -> Option<u32> {
    hash.expose().parse::<bcrypt::HashParts>().ok().map(|parts| parts.get_cost())
}

/// The one answer to every refused attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("wrong e-mail or password, or no access to the desk")]
pub struct Refused;

/// Proof that somebody is who they say. Made by [`Attempt::work`] only.
#[derive(Debug)]
pub struct Admitted(Account);

impl Admitted {
    /// Whose account.
    pub fn user(&self) -> &UserId {
        &self.0.id
    }

    /// What the session rests on.
    pub fn mark(&self) -> PasswordMark {
        let hash = self.0.password_hash.as_ref().map_or("", PasswordHash::expose);
        PasswordMark(hex(&Sha256::digest(hash.as_bytes())))
    }

    /// The actor of a session.
    pub fn into_actor(self, session: SessionId) -> Actor {
        Actor::staff(self.0, session)
    }
}

/// Tells whether a password is still the one of a sign-in: SHA-256 of its hash, whose salt keeps guessers out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordMark(String);

impl PasswordMark {
    /// For the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Admits the owner of a valid session token. `account` must have been found by the token's hash.
pub fn resume(account: Account, session: SessionId) -> Result<Actor, Refused> {
    if account.may_enter() { Ok(Actor::staff(account, session)) } else { Err(Refused) }
}

/// Whoever acts. Its fields are private: only this module makes one.
#[derive(Clone, Debug)]
pub struct Actor(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Staff { id: UserId, name: SafeText, role: Role, session: SessionId },
    Operator,
    System,
}

impl Actor {
    fn staff(account: Account, session: SessionId) -> Self {
        let name = if account.name.is_blank() { account.email } else { account.name };
        Self(Kind::Staff { id: account.id, name, role: account.role, session })
    }

    /// Whoever holds the database URL, on the command line.
    pub const fn operator() -> Self {
        Self(Kind::Operator)
    }

    /// The program itself: clean-up, folding.
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// The row of `users`, for staff.
    pub fn user(&self) -> Option<&UserId> {
        match &self.0 {
            Kind::Staff { id, .. } => Some(id),
            Kind::Operator | Kind::System => None,
        }
    }

    /// The session, for staff.
    pub fn session(&self) -> Option<&SessionId> {
        match &self.0 {
            Kind::Staff { session, .. } => Some(session),
            Kind::Operator | Kind::System => None,
        }
    }

    /// The role at sign-in, for staff.
    pub fn role(&self) -> Option<&Role> {
        match &self.0 {
            Kind::Staff { role, .. } => Some(role),
            Kind::Operator | Kind::System => None,
        }
    }

    /// The name for the header.
    pub fn name(&self) -> SafeText {
        match &self.0 {
            Kind::Staff { name, .. } => name.clone(),
            Kind::Operator => SafeText::new("operator"),
            Kind::System => SafeText::new("system"),
        }
    }

    /// The word in the event log.
    pub const fn kind(&self) -> &'static str {
        match &self.0 {
            Kind::Staff { .. } => "staff",
            Kind::Operator => "operator",
            Kind::System => "system",
        }
    }
}

/// A session token: 32 random bytes, handed over once. Only its hash is stored.
#[derive(Clone)]
pub struct SessionToken(Zeroizing<String>);

impl SessionToken {
    /// From 32 random bytes of the operating system.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(hex(&bytes)))
    }

    /// Reads what [`SessionToken::expose`] gave.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, for the one who is to keep it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the database keeps: SHA-256, in hexadecimal.
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(***)")
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn account(role: Role, hash: Option<&str>) -> Account {
        Account {
            id: UserId::new("u"),
            name: SafeText::new("Ada"),
            email: SafeText::new("ada@kaygia.example"),
            role,
            active: true,
            verified: true,
            password_hash: hash.map(PasswordHash::new),
        }
    }

    fn hash_of(password: &str) -> String {
        bcrypt::hash(password, 4).unwrap()
    }

    fn attempt(account: Option<Account>, password: &str) -> bool {
        Attempt::new(account, Password::new(password.to_owned()), 4).work().is_ok()
    }

    #[test]
    fn only_active_verified_staff_with_the_right_password_enter() {
        let hash = hash_of("correct horse");
        let admin = account(Role::Admin, Some(&hash));
        assert!(attempt(Some(admin.clone()), "correct horse"));
        assert!(!attempt(Some(admin.clone()), "correct horsf"));
        assert!(!attempt(Some(Account { active: false, ..admin.clone() }), "correct horse"));
        assert!(!attempt(Some(Account { verified: false, ..admin.clone() }), "correct horse"));
        assert!(!attempt(Some(account(Role::Client, Some(&hash))), "correct horse"));
        assert!(!attempt(Some(account(Role::Unknown("OWNER".into()), Some(&hash))), "correct horse"));
        assert!(!attempt(Some(account(Role::Admin, None)), "correct horse"));
        assert!(!attempt(None, "correct horse"));
    }

    #[test]
    fn every_attempt_is_the_same_number_of_rounds() {
        let with = |cost: u32| format!("$2b${cost:02}${}", &hash_of("correct horse")[7..]);
        let admin = |cost| account(Role::Admin, Some(&with(cost)));
        let attempts = [
            ("unknown", None),
            ("top", Some(admin(12))),
            ("cheaper", Some(admin(10))),
            ("cheapest", Some(admin(4))),
            ("dearer than refused", Some(admin(31))),
            ("client", Some(account(Role::Client, Some(&with(12))))),
            ("client, dearer than staff", Some(account(Role::Client, Some(&with(14))))),
            ("switched off", Some(Account { active: false, ..admin(10) })),
            ("not verified", Some(Account { verified: false, ..admin(10) })),
            ("without a hash", Some(account(Role::Admin, None))),
            ("with something else", Some(account(Role::Admin, Some("plain")))),
        ];
        for (who, account) in attempts {
            let work = Attempt::new(account, Password::new("x".repeat(100)), 12).plan();
            let rounds: u64 = work.burnt.iter().chain(&work.verified).map(|cost| 1 << cost).sum();
            assert_eq!(rounds, 1 << 12, "{who}: {work:?}");
        }
    }

    #[test]
    fn an_empty_password_is_refused_like_any() {
        let hash = hash_of("correct horse");
        for account in [None, Some(account(Role::Admin, Some(&hash))), Some(account(Role::Admin, None))] {
            assert!(Attempt::new(account, Password::new(String::new()), 5).work().is_err());
        }
    }

    #[test]
    fn a_password_is_read_up_to_72_bytes_as_the_web_app_does() {
        let long = "x".repeat(72);
        let admin = account(Role::Admin, Some(&hash_of(&long)));
        assert!(attempt(Some(admin.clone()), &format!("{long}yyyyyyyy")));
        assert!(!attempt(Some(admin), &long[..71]));
    }

    #[test]
    fn hashes_of_every_prefix_verify_and_bad_ones_are_refused() {
        let own = hash_of("correct horse battery");
        for prefix in ["$2a$", "$2b$", "$2y$"] {
            let hash = format!("{prefix}{}", &own[4..]);
            assert!(attempt(Some(account(Role::Admin, Some(&hash))), "correct horse battery"), "{prefix}");
        }
        let costly = format!("$2b$31${}", &own[7..]);
        for bad in ["", "plain", "$2b$", "$2b$99$abc", costly.as_str()] {
            assert!(!attempt(Some(account(Role::Admin, Some(bad))), "correct horse battery"), "{bad}");
        }
    }

    #[test]
    fn new_passwords_keep_to_the_limits() {
        let check = |text: &str| Password::new(text.to_owned()).check_new();
        assert_eq!(check("elevenchars"), Err(PasswordRefused::TooShort));
        assert_eq!(check("twelve chars"), Ok(()));
        let two_bytes_each =
            |count: u32| -> String { (0..count).filter_map(|at| char::from_u32(0x100 + 7 * at)).collect() };
        assert_eq!(check(&two_bytes_each(36)), Ok(()));
        assert_eq!(check(&two_bytes_each(37)), Err(PasswordRefused::TooLong));
        assert_eq!(check("password1234"), Err(PasswordRefused::Common));
        let of_ada = Password::new("lovelace 1815".to_owned()).check_new_of(&["Ada Lovelace"]);
        assert_eq!(of_ada, Err(PasswordRefused::Personal));
        assert_eq!(check("twelve\0chars"), Err(PasswordRefused::Nul));
    }

    #[test]
    fn secrets_print_as_stars() {
        let token = SessionToken::from_random([7; 32]);
        assert_eq!(
            format!("{token:?} {:?}", Password::new("hunter2".to_owned())),
            "SessionToken(***) Password(***)"
        );
        assert_eq!(SessionToken::parse(token.expose()).unwrap().hash(), token.hash());
        assert!(SessionToken::parse("0123").is_none());
    }
}
