//! `desk user`: accounts. For whoever is signed in, with that person's rights; while nobody could sign in to administer
//! the desk, whoever holds the database makes the first account.

mod export;
mod show;

use clap::{Args, Subcommand};

use super::login::{self, SignedIn};
use super::{Exit, Failure, note, prompt, say};
use crate::auth::Password;
use crate::config::{Config, Link};
use crate::desk::Gateway;
use crate::desk::accounts::{self, NewAccount};
use crate::domain::account::{AccountChange, AccountFields, ClientTexts, Erasure};
use crate::domain::command::{Change, Command as Write, Done};
use crate::domain::count::listed;
use crate::domain::failure::Failure as Refusal;
use crate::domain::ids::UserId;
use crate::domain::query::{Answer, Query};
use crate::domain::safe_text::SafeText;
use crate::domain::token::{TokenCode, TokenKind};
use crate::domain::user::{Person, Role};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an account; its owner gets a code to verify it with (the first one of all: a password, which is asked for)
    Add(Add),
    /// Change name, company or e-mail address
    Edit(Edit),
    /// Switch an account off; nothing is deleted
    Deactivate(Who),
    /// Switch an account on again
    Activate(Who),
    /// Give an account another role
    Role(ChangeRole),
    /// Give out a code for a new password
    Reset(Who),
    /// Give out a code that proves the e-mail address
    Verify(Who),
    /// Overwrite what an account says of a person
    Erase(Erase),
    /// Write all that is known of a person, as JSON
    Export(export::Arguments),
    /// List accounts
    List(show::Arguments),
    /// Use a code: for a new password, or to verify an address; both are asked for, or read from standard input
    Redeem(Redeem),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Their e-mail address, which they sign in with
    #[arg(long)]
    pub email: String,
    /// Their name
    #[arg(long)]
    pub name: String,
    /// What they may do: ADMIN, SUPER_ADMIN or CLIENT
    #[arg(long, value_parser = ["ADMIN", "SUPER_ADMIN", "CLIENT"], ignore_case = true)]
    pub role: String,
    /// Their company
    #[arg(long)]
    pub company: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Who {
    /// Whose: the id or the e-mail address
    #[arg(value_name = "ID|EMAIL")]
    pub who: String,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true, id = "field")]
pub(super) struct Fields {
    /// A new name
    #[arg(long, group = "field")]
    pub name: Option<String>,
    /// A new e-mail address, to be verified before they sign in again
    #[arg(long, group = "field")]
    pub email: Option<String>,
    /// A new company; empty for none
    #[arg(long, group = "field")]
    pub company: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Edit {
    #[command(flatten)]
    pub who: Who,
    #[command(flatten)]
    pub fields: Fields,
}

#[derive(Debug, Args)]
pub(super) struct ChangeRole {
    #[command(flatten)]
    pub who: Who,
    /// What they may do from now on
    #[arg(value_parser = ["ADMIN", "SUPER_ADMIN", "CLIENT"], ignore_case = true)]
    pub role: String,
}

#[derive(Debug, Args)]
pub(super) struct Erase {
    #[command(flatten)]
    pub who: Who,
    /// Also what a client wrote: tickets, messages, projects
    #[arg(long)]
    pub texts: bool,
    /// Their e-mail address or id once more; asked for if not given
    #[arg(long, value_name = "ID|EMAIL")]
    pub confirm: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Redeem {
    /// The code only verifies an address: no new password
    #[arg(long)]
    pub verify: bool,
}

pub(super) fn run(config: &Config, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Add(add) => self::add(config, add),
        Command::Redeem(redeem) => self::redeem(config, redeem),
        Command::Edit(edit) => on(config, &edit.who.who, |person| Ok(edited(edit, person)), "is changed"),
        Command::Deactivate(who) => {
            let off = |person: &Person| Ok(set_active(person, false));
            on(config, &who.who, off, "is off; nothing is deleted")
        }
        Command::Activate(who) => on(config, &who.who, |person| Ok(set_active(person, true)), "is on"),
        Command::Role(role) => {
            let to = Role::parse(&role.role.to_uppercase());
            let told = format!("is {} now", to.as_str());
            let change = |person: &Person| {
                let change = Change::new(person.role.clone(), to.clone());
                Ok(Write::SetRole { user: person.id.clone(), change })
            };
            on(config, &role.who.who, change, &told)
        }
        Command::Reset(who) => code(config, &who.who, TokenKind::PasswordReset),
        Command::Verify(who) => code(config, &who.who, TokenKind::EmailVerification),
        Command::Erase(erase) => self::erase(config, erase),
        Command::Export(arguments) => export::run(config, arguments),
        Command::List(arguments) => show::run(config, arguments),
    }
}

fn set_active(person: &Person, to: bool) -> Write {
    Write::SetActive { user: person.id.clone(), change: Change::new(person.active, to) }
}

fn edited(edit: &Edit, person: &Person) -> Write {
    let trimmed = |text: &String| text.trim().to_owned();
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let Fields { name, email, company } = &edit.fields;
    let changes = [
        name.as_ref()
            .map(|name| AccountChange::Name(Change::new(given(person.name.raw()), Some(trimmed(name))))),
        email
            .as_ref()
            .map(|email| AccountChange::Email(Change::new(person.email.raw().to_owned(), trimmed(email)))),
        company.as_ref().map(|company| {
            AccountChange::Company(Change::new(given(person.company.raw()), given(company.trim())))
        }),
    ];
    Write::EditUser { user: person.id.clone(), changes: changes.into_iter().flatten().collect() }
}

/// Carries a command out on somebody's account.
fn on(
    config: &Config,
    who: &str,
    command: impl FnOnce(&Person) -> Result<Write, Failure>,
    told: &str,
) -> Result<Exit, Failure> {
    super::block_on(async {
        let signed_in = login::signed_in(config).await?;
        let person = find(&signed_in, who).await?;
        let done = execute(&signed_in, command(&person)?).await?;
        match done.event {
            Some(_) => say(format_args!("The account of {} {told}.", person.display_name())),
            None => note("Nothing had to be changed."),
        }
        Ok(Exit::Done)
    })?
}

/// Gives out a code, and says how it reaches its owner.
fn code(config: &Config, who: &str, kind: TokenKind) -> Result<Exit, Failure> {
    super::block_on(async {
        let signed_in = login::acting(config).await?;
        let person = find(&signed_in, who).await?;
        issue(&signed_in, &person.id, person.display_name(), kind).await?;
        Ok(Exit::Done)
    })?
}

async fn issue(signed_in: &SignedIn, user: &UserId, name: &str, kind: TokenKind) -> Result<(), Failure> {
    let done = execute(signed_in, Write::IssueToken { user: user.clone(), kind }).await?;
    match done.code {
        None => say(format_args!("{name} gets a code by mail to {}.", kind.words())),
        Some(issued) => {
            let until = issued.until.full(&jiff::tz::TimeZone::system());
            note(format_args!(
                "A code for {name} to {}, good until {until}. It is shown this once: hand it over by a way that you trust.",
                kind.words()
            ));
            say(issued.code.expose());
        }
    }
    Ok(())
}

async fn execute(signed_in: &SignedIn, command: Write) -> Result<Done, Failure> {
    let done = signed_in.desk.execute(&signed_in.actor, command).await;
    done.map_err(|failure| Failure::Told(failure.sentence()))
}

/// The one account that an id or an address means.
async fn find(signed_in: &SignedIn, who: &str) -> Result<Person, Failure> {
    let loaded = signed_in.desk.fetch(&signed_in.actor, Query::Account(who.trim().to_owned())).await;
    let found = match loaded.map_err(|failure| Failure::Told(failure.sentence()))?.answer {
        Answer::Account(found) => found,
        _ => Vec::new(),
    };
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(one), Some(other)) => Err(Failure::Told(format!(
            "two accounts have this address but for upper and lower case: {} ({}) and {} ({}); name one by its id",
            one.email.one_line(),
            SafeText::new(one.id.as_str()).one_line(),
            other.email.one_line(),
            SafeText::new(other.id.as_str()).one_line()
        ))),
        (None, _) => Err(Failure::Told(format!("there is no account {}, or you may not see it", who.trim()))),
    }
}

fn add(config: &Config, add: &Add) -> Result<Exit, Failure> {
    let url = super::database_of(config)?;
    let role = Role::parse(&add.role.to_uppercase());
    let user = UserId::from_random(random()?);
    let (email, name) = (add.email.trim().to_owned(), add.name.trim().to_owned());
    let company = add.company.as_deref().map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
    let acting = super::block_on(login::acting(config))?;
    let signed_in = acting?;
    if signed_in.actor.user().is_some() {
        let fields = AccountFields { email, name: name.clone(), company, role };
        let made = async {
            let command = Write::CreateUser { user: user.clone(), fields: Box::new(fields) };
            execute(&signed_in, command).await?;
            say(format_args!("The account of {name} is made."));
            issue(&signed_in, &user, &name, TokenKind::EmailVerification).await
        };
        super::block_on(made)??;
        return Ok(Exit::Done);
    }
    drop(signed_in);
    let mut password = prompt::new_password()?;
    let may = if role.is_staff() { "can sign in to the desk now" } else { "can use the web app now" };
    let password = Password::new(std::mem::take(&mut *password));
    let account = NewAccount { user, email: email.clone(), name, company, role, password };
    let origin = format!("desk user add, process {}", std::process::id());
    let work = accounts::add(url.expose(), config.link == Link::Pooled, account, &origin);
    super::block_on(work)?.map_err(|failure| Failure::Told(failure.sentence()))?;
    say(format_args!("{email} {may}, as {}.", add.role.to_uppercase()));
    Ok(Exit::Done)
}

/// Shows what it touches, and wants the address or the id typed once more.
fn erase(config: &Config, erase: &Erase) -> Result<Exit, Failure> {
    let random = random()?;
    super::block_on(async {
        let signed_in = login::signed_in(config).await?;
        let person = find(&signed_in, &erase.who.who).await?;
        let name = person.display_name().to_owned();
        let loaded = signed_in.desk.fetch(&signed_in.actor, Query::Erasure(person.id.clone())).await;
        match loaded.map_err(|failure: Refusal| Failure::Told(failure.sentence()))?.answer {
            Answer::Erasure(Some(touched)) => note(format_args!(
                "{name} <{}>: {}. This can't be taken back.",
                person.email.one_line(),
                listed(&[
                    (touched.tickets, "ticket"),
                    (touched.comments, "message"),
                    (touched.projects, "project"),
                    (touched.drafts, "draft"),
                    (touched.sessions, "session"),
                    (touched.mails, "mail"),
                    (touched.events, "event"),
                ])
                .unwrap_or_else(|| "the account alone".to_owned())
            )),
            _ => return Err(Failure::Told("only a super administrator erases accounts".to_owned())),
        }
        let confirmation = match &erase.confirm {
            Some(typed) => typed.clone(),
            None if prompt::can_ask() => prompt::line("Type their e-mail address to go on: ")?,
            None => {
                let sentence = "nothing was erased: give the address or the id once more with --confirm";
                return Err(Failure::Told(sentence.to_owned()));
            }
        };
        let texts = if erase.texts { ClientTexts::Erase } else { ClientTexts::Keep };
        let erasure = Erasure::new(person.id, confirmation, texts, random);
        execute(&signed_in, Write::EraseUser(Box::new(erasure))).await?;
        say(format_args!("The account of {name} is erased."));
        Ok(Exit::Done)
    })?
}
/// On standard input the code is the first line, the new password the second.
fn redeem(config: &Config, redeem: &Redeem) -> Result<Exit, Failure> {
    super::database_of(config)?;
    super::house::of(config)?;
    let mut code = prompt::code()?;
    let password =
        if redeem.verify { None } else { Some(Password::new(std::mem::take(&mut *prompt::new_password()?))) };
    let code = TokenCode::typed(&std::mem::take(&mut *code));
    let redeemed = super::block_on(async {
        super::open::open(config).await?.desk.redeem(code, password).await.map_err(Failure::told)
    })??;
    say(format_args!("{}.", redeemed.sentence()));
    Ok(Exit::Done)
}

fn random() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Told(format!("this system gives no random bytes: {error}")))?;
    Ok(bytes)
}
