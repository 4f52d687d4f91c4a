//! Rights: the whole matrix of who may do what to whom, as one reviewed snapshot.

use kaygia_desk::auth::{Account, Actor, resume};
use kaygia_desk::domain::account::{AccountChange, AccountFields, ClientTexts, Erasure};
use kaygia_desk::domain::command::{
    Change, Command, LastComment, PasswordHash, ProjectChange, ProjectFields,
};
use kaygia_desk::domain::ids::{CommentId, ProjectId, SessionId, TicketId, UserId};
use kaygia_desk::domain::project::{ProjectStatus, ProjectType};
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::domain::session::Which;
use kaygia_desk::domain::ticket::{Draft, Priority, TicketStatus};
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::domain::token::TokenKind;
use kaygia_desk::domain::user::Role;
use kaygia_desk::policy::{self, Accounts, Audit, Denial, Facts, SessionNow, Standing};
use std::fmt::Write as _;

fn staff(role: Role) -> Actor {
    let account = Account {
        id: UserId::new("actor"),
        name: SafeText::new("Actor"),
        email: SafeText::new("actor@example.test"),
        role,
        active: true,
        verified: true,
        password_hash: None,
    };
    resume(account, SessionId::new("session")).unwrap()
}

fn standing(role: Option<Role>) -> Standing {
    Standing { role, active: true, verified: true, session: SessionNow::Holds }
}

/// Whoever acts, and how they stand at the moment of the write.
fn actors() -> Vec<(&'static str, Actor, Standing)> {
    let admin = || staff(Role::Admin);
    let now = |role| standing(Some(role));
    vec![
        ("ADMIN", admin(), now(Role::Admin)),
        ("SUPER_ADMIN", staff(Role::SuperAdmin), now(Role::SuperAdmin)),
        ("was SUPER_ADMIN, now ADMIN", staff(Role::SuperAdmin), now(Role::Admin)),
        ("was ADMIN, now CLIENT", admin(), now(Role::Client)),
        ("was ADMIN, now a role unknown to the desk", admin(), now(Role::Unknown("OWNER".into()))),
        ("switched off", admin(), Standing { active: false, ..now(Role::Admin) }),
        ("address no longer verified", admin(), Standing { verified: false, ..now(Role::Admin) }),
        ("session ended", admin(), Standing { session: SessionNow::Over, ..now(Role::Admin) }),
        ("password changed", admin(), Standing { session: SessionNow::PasswordChanged, ..now(Role::Admin) }),
        ("account gone", admin(), Standing { active: false, verified: false, ..standing(None) }),
        ("operator", Actor::operator(), Standing { session: SessionNow::Over, ..standing(None) }),
        ("system", Actor::system(), Standing { session: SessionNow::Over, ..standing(None) }),
    ]
}

/// The person whom a command names: role, and whether the account is on.
type Named = Option<(Role, bool)>;

/// Whether somebody besides the person named could administer the desk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Besides {
    Somebody,
    Nobody,
}

/// Every command, with every kind of person that it may name.
fn commands() -> Vec<(String, Command, Named, Besides)> {
    let people = [
        ("a client", Some((Role::Client, true))),
        ("a client who is off", Some((Role::Client, false))),
        ("staff", Some((Role::Admin, true))),
        ("staff who are off", Some((Role::SuperAdmin, false))),
        ("a role unknown to the desk", Some((Role::Unknown("OWNER".into()), true))),
        ("nobody known", None),
    ];
    let mut commands = Vec::new();
    let mut add = |command: Command, relation: &str, named: Named| {
        let name = format!("{} {relation}", command.name()).trim_end().to_owned();
        commands.push((name, command, named, Besides::Somebody));
    };
    let ticket = || TicketId::new("t");
    add(
        Command::Assign { ticket: ticket(), change: Change::new(Some(UserId::new("a")), None) },
        "to nobody",
        None,
    );
    for (who, named) in people.clone() {
        let command = Command::Assign { ticket: ticket(), change: Change::new(None, Some(UserId::new("a"))) };
        add(command, &format!("to {who}"), named);
    }
    let status = Change::new(TicketStatus::Open, TicketStatus::Closed);
    add(
        Command::SetStatus { ticket: ticket(), change: status.clone(), last_comment: LastComment::Any },
        "",
        None,
    );
    add(
        Command::SetPriority { ticket: ticket(), change: Change::new(Priority::Low, Priority::High) },
        "",
        None,
    );
    add(Command::SetWaiting { ticket: ticket(), change: Change::new(None, None) }, "", None);
    let (comment, content) = (CommentId::new("c"), String::new());
    add(
        Command::Reply { ticket: ticket(), comment, content, status, last_comment: LastComment::Any },
        "",
        None,
    );
    for (who, named) in people.clone() {
        let command = Command::CreateTicket {
            ticket: ticket(),
            client: UserId::new("a"),
            subject: String::new(),
            description: String::new(),
            priority: Priority::Normal,
        };
        add(command, &format!("for {who}"), named);
    }
    let draft = Draft {
        comment: CommentId::new("c"),
        content: String::new(),
        last_comment: None,
        status_after: None,
        older_content: None,
        version: 0,
    };
    add(Command::SaveDraft { ticket: ticket(), draft }, "", None);
    add(Command::DiscardDraft { ticket: ticket(), comment: CommentId::new("c") }, "", None);
    add(Command::MarkSeen { ticket: ticket(), up_to: Some(Timestamp::from_micros(0)) }, "", None);
    for (who, named) in people.clone() {
        add(
            Command::CreateProject { project: ProjectId::new("p"), fields: Box::new(fields()) },
            &format!("for {who}"),
            named,
        );
    }
    let title = ProjectChange::Title(Change::new(String::new(), String::new()));
    add(
        Command::EditProject { project: ProjectId::new("p"), changes: vec![title.clone()] },
        "but its client",
        None,
    );
    for (who, named) in people.clone() {
        let command = Command::IssueToken { user: UserId::new("a"), kind: TokenKind::PasswordReset };
        add(command, &format!("for {who}"), named);
    }
    for (who, named) in people {
        let client = ProjectChange::Client(Change::new(UserId::new("b"), UserId::new("a")));
        let command =
            Command::EditProject { project: ProjectId::new("p"), changes: vec![title.clone(), client] };
        add(command, &format!("over to {who}"), named);
    }
    for (whose, user) in [("of one's own", "actor"), ("of others", "a")] {
        add(Command::EndSessions { user: UserId::new(user), which: Which::All }, whose, None);
    }
    for role in [Role::Client, Role::Admin, Role::SuperAdmin] {
        let relation = format!("as {}", role.as_str());
        let command = Command::AddUser {
            user: UserId::new("a"),
            email: String::new(),
            name: String::new(),
            company: None,
            role,
            password_hash: PasswordHash::new(""),
        };
        add(command, &relation, None);
    }
    commands.extend(accounts());
    for besides in [Besides::Somebody, Besides::Nobody] {
        let word = if besides == Besides::Nobody { "without a SUPER_ADMIN" } else { "" };
        let name = format!("audit.export {word}").trim_end().to_owned();
        commands.push((name, Command::ExportEvents, None, besides));
    }
    commands
}

/// Makes a command about somebody's account.
type Make = fn(UserId) -> Command;

/// Commands about accounts, with whose they are.
fn accounts() -> Vec<(String, Command, Named, Besides)> {
    let somebody = || UserId::new("a");
    let people = [
        ("a client", somebody(), Some((Role::Client, true)), Besides::Somebody),
        ("staff", somebody(), Some((Role::Admin, true)), Besides::Somebody),
        ("a SUPER_ADMIN", somebody(), Some((Role::SuperAdmin, true)), Besides::Somebody),
        ("the last SUPER_ADMIN", somebody(), Some((Role::SuperAdmin, true)), Besides::Nobody),
        (
            "a role unknown to the desk",
            somebody(),
            Some((Role::Unknown("OWNER".into()), true)),
            Besides::Somebody,
        ),
        ("oneself", UserId::new("actor"), Some((Role::SuperAdmin, true)), Besides::Somebody),
        ("nobody known", somebody(), None, Besides::Somebody),
    ];
    let mut commands = Vec::new();
    for role in [Role::Client, Role::Admin, Role::SuperAdmin] {
        let (email, name) = (String::new(), String::new());
        let fields = AccountFields { email, name, company: None, role: role.clone() };
        let command = Command::CreateUser { user: somebody(), fields: Box::new(fields) };
        commands.push((format!("user.create as {}", role.as_str()), command, None, Besides::Somebody));
    }
    let text = || Change::new(None, Some(String::new()));
    let kinds: [(&str, Make); 8] = [
        ("user.edit name of", |user| Command::EditUser {
            user,
            changes: vec![AccountChange::Name(Change::new(None, None))],
        }),
        ("user.edit address of", |user| Command::EditUser {
            user,
            changes: vec![AccountChange::Email(Change::new(String::new(), String::new()))],
        }),
        ("user.deactivate", |user| Command::SetActive { user, change: Change::new(true, false) }),
        ("user.activate", |user| Command::SetActive { user, change: Change::new(false, true) }),
        ("user.role ADMIN for", |user| Command::SetRole {
            user,
            change: Change::new(Role::Client, Role::Admin),
        }),
        ("user.role SUPER for", |user| Command::SetRole {
            user,
            change: Change::new(Role::Admin, Role::SuperAdmin),
        }),
        ("user.erase", |user| {
            Command::EraseUser(Box::new(Erasure::new(user, String::new(), ClientTexts::Keep, [0; 16])))
        }),
        ("user.export", |user| Command::ExportUser { user }),
    ];
    for (name, command) in kinds {
        for (who, user, named, besides) in &people {
            commands.push((format!("{name} {who}"), command(user.clone()), named.clone(), *besides));
        }
    }
    let changes = vec![AccountChange::Name(text()), AccountChange::Company(text())];
    let edit = Command::EditUser { user: somebody(), changes };
    commands.push((
        "user.edit name and company of a client".to_owned(),
        edit,
        people[0].2.clone(),
        Besides::Somebody,
    ));
    let password = Change::new(PasswordHash::new(""), PasswordHash::new(""));
    let password = Command::ChangeMyPassword { change: password };
    commands.push(("user.password".to_owned(), password, None, Besides::Somebody));
    let add = |role: Role| Command::AddUser {
        user: somebody(),
        email: String::new(),
        name: String::new(),
        company: None,
        role,
        password_hash: PasswordHash::new(""),
    };
    let which = Which::All;
    let end = Command::EndSessions { user: somebody(), which };
    commands.push(("session.end while nobody administers".to_owned(), end, None, Besides::Nobody));
    let first = add(Role::SuperAdmin);
    commands.push(("user.add while nobody administers".to_owned(), first, None, Besides::Nobody));
    commands
}

fn fields() -> ProjectFields {
    ProjectFields {
        title: String::new(),
        client: UserId::new("a"),
        status: ProjectStatus::Pending,
        kind: ProjectType::Other,
        budget: None,
        start_date: None,
        end_date: None,
        description: None,
        requirements: None,
    }
}

#[test]
fn who_may_do_what_to_whom() {
    let actors = actors();
    let mut verdicts = vec!["yes".to_owned()];
    let mut rows = String::new();
    for (name, command, named, besides) in commands() {
        let _ = write!(rows, "{name:<48}");
        for (_, actor, standing) in &actors {
            let facts = Facts {
                standing: standing.clone(),
                named: named.clone(),
                super_admin_besides: besides == Besides::Somebody,
            };
            let verdict = match policy::permit(actor, command.clone(), &facts) {
                Ok(_) => "yes".to_owned(),
                Err(Denial::Forbidden(why)) => format!("no: {why}"),
                Err(Denial::SignedOut(why)) => format!("signed out: {why}"),
            };
            let sign = verdicts.iter().position(|known| *known == verdict).unwrap_or_else(|| {
                verdicts.push(verdict);
                verdicts.len() - 1
            });
            let _ = write!(rows, " {:>2}", if sign == 0 { "+".to_owned() } else { sign.to_string() });
        }
        rows.push('\n');
    }
    let mut table = String::new();
    for (at, (name, _, _)) in actors.iter().enumerate() {
        let _ = writeln!(table, "column {:<2} {name}", at + 1);
    }
    for (sign, verdict) in verdicts.iter().enumerate() {
        let sign = if sign == 0 { "+".to_owned() } else { sign.to_string() };
        let _ = writeln!(table, "sign {sign:<4} {verdict}");
    }
    insta::assert_snapshot!(table + "\n" + &rows);
}

#[test]
fn a_permit_carries_the_command_and_the_actor_that_were_judged() {
    let facts = Facts { standing: standing(Some(Role::Admin)), named: None, super_admin_besides: true };
    let command = Command::SetPriority {
        ticket: TicketId::new("t"),
        change: Change::new(Priority::Low, Priority::High),
    };
    let (permitted, actor) =
        policy::permit(&staff(Role::Admin), command.clone(), &facts).unwrap().into_parts();
    assert_eq!(permitted, command);
    assert_eq!(actor.user().unwrap().as_str(), "actor");
}

#[test]
fn who_may_read_what() {
    let scope = |actor: Actor| {
        let scope = policy::scope(&actor);
        (scope.tickets(), scope.accounts(), scope.reader().is_some(), scope.audit())
    };
    assert_eq!(scope(staff(Role::Admin)), (true, Accounts::Clients, true, Audit::Own));
    assert_eq!(scope(staff(Role::SuperAdmin)), (true, Accounts::All, true, Audit::All));
    assert_eq!(scope(Actor::operator()), (true, Accounts::All, false, Audit::All));
    assert_eq!(scope(Actor::system()), (true, Accounts::All, false, Audit::All));
}

#[test]
fn only_active_verified_staff_become_actors_by_a_session() {
    for (role, active, verified) in [
        (Role::Client, true, true),
        (Role::Unknown("OWNER".into()), true, true),
        (Role::Admin, false, true),
        (Role::SuperAdmin, true, false),
    ] {
        let account = Account {
            id: UserId::new("u"),
            name: SafeText::new("U"),
            email: SafeText::new("u@example.test"),
            role,
            active,
            verified,
            password_hash: None,
        };
        assert!(resume(account, SessionId::new("s")).is_err());
    }
}
