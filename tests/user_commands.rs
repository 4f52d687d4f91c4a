//! `desk user`: what a person who is signed in does to accounts from the command line, with that person's rights.

use crate::accounts::staffed;
use crate::support::world::World;
use kaygia_desk::auth::SessionToken;
use serde_json::Value;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// What it said on standard output and standard error, and whether it worked.
fn desk(world: &World, token: Option<&SessionToken>, arguments: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_desk"));
    command
        .args(arguments)
        .env("DATABASE_URL", world.db.url())
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_STATE_HOME")
        .env_remove("KAYGIA_DESK_CONFIG")
        .env_remove("KAYGIA_DESK_SESSION")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(token) = token {
        command.env("KAYGIA_DESK_SESSION", token.expose());
    }
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(b"");
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

async fn role(world: &World, id: &str) -> String {
    let columns = "concat_ws('|', name, email, company, role, active, email_verified)";
    world.value(&format!("SELECT {columns} FROM public.users WHERE id = '{id}'")).await
}

#[tokio::test]
async fn nobody_who_has_not_signed_in_changes_an_account() {
    let world = staffed().await;
    for arguments in [
        &["user", "add", "--email", "m@x.example", "--name", "Mary", "--role", "client"][..],
        &["user", "deactivate", "grace"],
        &["user", "role", "ada", "super_admin"],
        &["user", "erase", "grace", "--confirm", "grace"],
        &["user", "export", "grace"],
        &["user", "reset", "grace"],
        &["user", "list"],
    ] {
        let (done, out, err) = desk(&world, None, arguments);
        assert!(!done && out.is_empty() && err.contains("desk login"), "{arguments:?}: {out}{err}");
    }
    assert_eq!(world.value("SELECT count(*) FROM desk.events").await, "0");
}

#[tokio::test]
async fn an_admin_administers_clients_and_hands_over_a_code() {
    let world = staffed().await;
    let ada = world.token("ada").await;
    let add = ["user", "add", "--email", "mary@x.example", "--name", "Mary Shelley", "--role", "client"];
    let (done, out, err) = desk(&world, Some(&ada), &add);
    assert!(done, "{out}{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines[0], lines[1].len()), ("The account of Mary Shelley is made.", 43));
    assert!(err.contains("A code for Mary Shelley to verify the e-mail address, good until"), "{err}");
    let (done, out, err) =
        desk(&world, Some(&ada), &["user", "edit", "MARY@x.example", "--company", "Villa Diodati"]);
    assert_eq!((done, out.as_str()), (true, "The account of Mary Shelley is changed.\n"), "{err}");
    assert!(desk(&world, Some(&ada), &["user", "deactivate", "mary@x.example"]).0);
    let again = desk(&world, Some(&ada), &["user", "deactivate", "mary@x.example"]);
    assert_eq!(again, (true, String::new(), "Nothing had to be changed.\n".to_owned()));
    let id = world.value("SELECT id FROM public.users WHERE email = 'mary@x.example'").await;
    assert_eq!(role(&world, &id).await, "Mary Shelley|mary@x.example|Villa Diodati|CLIENT|f|f");
    for arguments in [
        &["user", "deactivate", "alan"][..],
        &["user", "role", "grace", "ADMIN"],
        &["user", "erase", "grace", "--confirm", "grace"],
        &["user", "export", "grace"],
    ] {
        let (done, out, err) = desk(&world, Some(&ada), arguments);
        assert!(!done && out.is_empty(), "{arguments:?}: {out}");
        assert!(err.contains("super administrator") || err.contains("you may not see it"), "{err}");
    }
    let (_, listed, _) = desk(&world, Some(&ada), &["user", "list", "mary", "--json"]);
    let row: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&row["name"], &row["state"]), (&Value::from("Mary Shelley"), &Value::from("off")));
}

#[tokio::test]
async fn a_super_administrator_changes_roles_exports_and_erases() {
    let world = staffed().await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let alan = world.token("alan").await;
    let (done, out, err) = desk(&world, Some(&alan), &["user", "role", "ada@example.test", "super_admin"]);
    assert_eq!((done, out.as_str()), (true, "The account of Ada Lovelace is SUPER_ADMIN now.\n"), "{err}");
    let (_, staff, _) = desk(&world, Some(&alan), &["user", "list", "--staff"]);
    assert!(staff.contains("ada  Ada Lovelace <ada@example.test> SUPER_ADMIN\n"), "{staff}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("grace.json");
    let path = file.to_str().unwrap();
    let (done, out, err) = desk(&world, Some(&alan), &["user", "export", "grace@example.test", "-o", path]);
    assert!(done && out.is_empty(), "{out}{err}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let all: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(
        (&all["account"]["name"], all["tickets"].as_array().unwrap().len()),
        (&"Grace Hopper".into(), 1)
    );
    let again = desk(&world, Some(&alan), &["user", "export", "grace", "-o", path]);
    assert!(!again.0 && again.2.contains("is there already"), "{again:?}");

    let (done, out, err) = desk(&world, Some(&alan), &["user", "erase", "grace"]);
    assert!(!done && out.is_empty() && err.contains(": 1 ticket.") && err.contains("--confirm"), "{err}");
    let (done, _, err) = desk(&world, Some(&alan), &["user", "erase", "grace", "--confirm", "ada"]);
    assert!(!done && err.contains("neither the account's e-mail address nor its id"), "{err}");
    let (done, out, err) =
        desk(&world, Some(&alan), &["user", "erase", "grace", "--texts", "--confirm", "grace@example.test"]);
    assert_eq!((done, out.as_str()), (true, "The account of Grace Hopper is erased.\n"), "{err}");
    assert!(role(&world, "grace").await.starts_with("erased client|erased-"));
    assert_eq!(world.value("SELECT subject FROM public.support_tickets").await, "[erased]");
    let own = desk(&world, Some(&alan), &["user", "deactivate", "alan"]);
    assert!(!own.0 && own.2.contains("nobody switches off their own account"), "{own:?}");
}
