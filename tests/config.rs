//! Settings: a flag, else the environment, else the file; mistakes with their line; no secret shown.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kaygia_desk::config::{Address, Config, ConfigError, Environment, Flags, Link, Log, Signs, Superuser};
use tempfile::TempDir;

#[test]
fn without_anything_said_every_setting_has_its_default() {
    let home = Home::new();
    let config = home.load("").unwrap();
    assert_eq!(config.database_url, None);
    assert_eq!((config.link, config.theme, config.signs), (Link::Direct, None, Signs::Unicode));
    assert!(config.keys.is_empty());
    assert_eq!(config.places.state, home.path().join(".local/state/kaygia-desk"));
    assert_eq!(config.places.server(), home.path().join(".local/share/kaygia-desk/server"));
}

#[test]
fn a_missing_file_is_no_mistake_unless_it_was_asked_for() {
    let home = Home::new();
    let variables = [("HOME", home.text())];
    assert!(
        Config::load(Flags::default(), &Environment::of(&variables, Superuser::No)).unwrap().file.is_none()
    );

    let flags = Flags { config: Some(home.path().join("nowhere.toml")), ..Flags::default() };
    let error = Config::load(flags, &Environment::of(&variables, Superuser::No)).unwrap_err();
    assert!(error.to_string().contains("nowhere.toml: No such file"), "{error}");
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let home = Home::new();
    home.write("database_url = 'postgres://file/k'\ntheme = 'file'\npooled = true\nsigns = 'ascii'\n");
    let url = |config: &Config| config.database_url.as_ref().unwrap().expose().to_owned();

    let config = home.load_with(Flags::default(), &[]).unwrap();
    assert_eq!((url(&config).as_str(), config.theme.as_deref()), ("postgres://file/k", Some("file")));
    assert_eq!((config.link, config.signs), (Link::Pooled, Signs::Ascii));

    let variables = [
        ("DATABASE_URL", "postgres://environment/k"),
        ("KAYGIA_DESK_THEME", "environment"),
        ("KAYGIA_DESK_POOLED", "false"),
    ];
    let config = home.load_with(Flags::default(), &variables).unwrap();
    assert_eq!(
        (url(&config).as_str(), config.theme.as_deref()),
        ("postgres://environment/k", Some("environment"))
    );
    assert_eq!(config.link, Link::Direct);

    let flags = Flags {
        database_url: Some(Address::new("postgres://flag/k".to_owned())),
        theme: Some("flag".to_owned()),
        signs: Some(Signs::Unicode),
        ..Flags::default()
    };
    let config = home.load_with(flags, &variables).unwrap();
    assert_eq!((url(&config).as_str(), config.theme.as_deref()), ("postgres://flag/k", Some("flag")));
    assert_eq!(config.signs, Signs::Unicode);
}

#[test]
fn a_session_comes_from_the_environment_alone_and_is_never_shown() {
    let home = Home::new();
    let token = "ab".repeat(32);
    let config = home.load_with(Flags::default(), &[("KAYGIA_DESK_SESSION", &token)]).unwrap();
    assert_eq!(config.session.as_ref().unwrap().expose(), token);
    assert!(!format!("{config:?}").contains(&token));
    assert!(home.load_with(Flags::default(), &[("KAYGIA_DESK_SESSION", "")]).unwrap().session.is_none());
    assert!(home.load("session = 'x'").is_err());
}

#[test]
fn an_empty_variable_says_nothing() {
    let home = Home::new();
    home.write("database_url = 'postgres://file/k'");
    let config = home.load_with(Flags::default(), &[("DATABASE_URL", "")]).unwrap();
    assert_eq!(config.database_url.unwrap().expose(), "postgres://file/k");
}

#[test]
fn no_color_takes_the_colours_unless_a_flag_names_a_theme() {
    let home = Home::new();
    home.write("theme = 'dark'");
    let colourless = [("NO_COLOR", "1")];
    assert_eq!(home.load_with(Flags::default(), &colourless).unwrap().theme.as_deref(), Some("none"));
    let flags = Flags { theme: Some("light".to_owned()), ..Flags::default() };
    assert_eq!(home.load_with(flags, &colourless).unwrap().theme.as_deref(), Some("light"));
}

#[test]
fn the_signs_follow_the_locale() {
    let home = Home::new();
    for (locale, signs) in [
        (("LANG", "en_GB.UTF-8"), Signs::Unicode),
        (("LANG", "de_DE.utf8"), Signs::Unicode),
        (("LANG", "C"), Signs::Ascii),
        (("LC_ALL", "en_GB.ISO-8859-1"), Signs::Ascii),
    ] {
        assert_eq!(home.load_with(Flags::default(), &[locale]).unwrap().signs, signs, "{locale:?}");
    }
}

#[test]
fn keys_are_handed_on_with_their_lines() {
    let home = Home::new();
    let config = home
        .load("theme = 'dark'\n\n[keys]\n\"ticket.take\" = 't'\nticket.release = ['T', 'F6']\n[keys.board]\nleft = []\n")
        .unwrap();
    let keys: Vec<_> =
        config.keys.iter().map(|key| (key.line, key.action.as_str(), key.keys.join(" "))).collect();
    assert_eq!(
        keys,
        [
            (4, "ticket.take", "t".to_owned()),
            (5, "ticket.release", "T F6".to_owned()),
            (7, "board.left", String::new())
        ]
    );
    let error = config.error_at(5, "unknown action");
    assert!(error.to_string().ends_with("config.toml, line 5: unknown action"), "{error}");
}

#[test]
fn every_mistake_in_the_file_is_told_with_its_line() {
    for (text, line, message) in [
        ("theme = 'dark'\ndatabse_url = 'x'", 2, "unknown key `databse_url`; did you mean `database_url`?"),
        ("colour = 'x'", 1, "unknown key `colour`"),
        ("\n\ntheme = 7", 3, "`theme` must be a text in quotes, not a value of type integer"),
        ("pooled = 'yes'", 1, "`pooled` must be `true` or `false`"),
        ("signs = 'pretty'", 1, "`signs` is `pretty`; write `auto`, `unicode` or `ascii`"),
        ("keys = 't'", 1, "`keys` must be a table"),
        ("[keys]\n'a.b' = 'x'\n'ticket.take' = 7", 3, "the keys of `ticket.take` must be texts"),
        ("theme = 'dark'\ntheme = 'light'", 2, "duplicate key"),
        ("theme = 'dark'\n\nkeys = [", 3, ""),
    ] {
        match Home::new().load(text).unwrap_err() {
            ConfigError::Line { line: found, message: said, .. } => {
                assert_eq!(found, line, "{text}: {said}");
                assert!(said.contains(message) && !said.contains('\n'), "{text}: {said}");
            }
            other => panic!("{text}: {other}"),
        }
    }
}

#[test]
fn a_file_with_a_password_that_others_can_read_is_refused() {
    let home = Home::new();
    for (mode, url, fine) in [
        (0o644, "postgres://desk:secret@db/k", false),
        (0o640, "postgres://desk:secret@db/k", false),
        (0o600, "postgres://desk:secret@db/k", true),
        (0o644, "postgres://desk@db/k", true),
    ] {
        let file = home.write(&format!("listen_url = '{url}'"));
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        match home.load_with(Flags::default(), &[]) {
            Ok(_) => assert!(fine, "{mode:o} {url}"),
            Err(error) => {
                assert!(!fine && error.to_string().contains("run `chmod 600"), "{mode:o} {url}: {error}");
                assert!(!error.to_string().contains("secret"), "{error}");
            }
        }
    }
}

/// The story: a settings file that everybody could write named an editor, and the next reply started it.
#[test]
fn a_file_or_a_state_folder_that_others_can_write_is_refused() {
    let home = Home::new();
    let file = home.write("editor = 'touch /tmp/mine #'");
    for (mode, fine) in [(0o664, false), (0o646, false), (0o644, true)] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        match home.load_with(Flags::default(), &[]) {
            Ok(_) => assert!(fine, "{mode:o}"),
            Err(error) => assert!(!fine && error.to_string().contains("run `chmod go-w"), "{error}"),
        }
    }
    let places = home.load_with(Flags::default(), &[]).unwrap().places;
    places.check_state().unwrap();
    fs::create_dir_all(&places.state).unwrap();
    for (mode, fine) in [(0o1777, false), (0o775, false), (0o755, true), (0o700, true)] {
        fs::set_permissions(&places.state, Permissions::from_mode(mode)).unwrap();
        match places.check_state() {
            Ok(()) => assert!(fine, "{mode:o}"),
            Err(error) => assert!(!fine && error.to_string().contains("others can write there"), "{error}"),
        }
    }
}

#[test]
fn the_log_tells_as_much_as_the_environment_asks_for() {
    let home = Home::new();
    let log =
        |value| home.load_with(Flags::default(), &[("KAYGIA_DESK_LOG", value)]).map(|config| config.log);
    assert_eq!(log("").unwrap(), Log::Info);
    assert_eq!(log("trace").unwrap(), Log::Trace);
    let told = log("loud").unwrap_err().to_string();
    assert_eq!(
        told,
        "the environment variable KAYGIA_DESK_LOG is `loud`; write `error`, `warn`, `info`, `debug` or `trace`"
    );
}

/// A config file that ended up in a bug report must not take the database's password along.
#[test]
fn no_secret_is_shown() {
    let home = Home::new();
    let file =
        home.write("database_url = 'postgres://desk:s3cret@db/k'\nlisten_url = 'host=db password=s3cret'\n");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let config = home.load_with(Flags::default(), &[]).unwrap();
    assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
    let environment = Environment::of(&[("DATABASE_URL", "postgres://desk:s3cret@db/k")], Superuser::No);
    assert!(!format!("{environment:?}").contains("s3cret"));
}

#[test]
fn roots_server_lies_where_its_account_can_reach_it() {
    let environment = Environment::of(&[("HOME", "/root"), ("XDG_DATA_HOME", "/root/data")], Superuser::Yes);
    let config = Config::load(Flags::default(), &environment).unwrap();
    assert_eq!(config.places.server(), Path::new("/var/lib/kaygia-desk/server"));
    assert_eq!(config.places.state, Path::new("/root/.local/state/kaygia-desk"));
}

#[test]
fn relative_xdg_folders_are_ignored_and_a_missing_home_is_told() {
    let variables = [("HOME", "/home/ada"), ("XDG_STATE_HOME", "state"), ("XDG_DATA_HOME", "/data")];
    let config = Config::load(Flags::default(), &Environment::of(&variables, Superuser::No)).unwrap();
    assert_eq!(config.places.state, Path::new("/home/ada/.local/state/kaygia-desk"));
    assert_eq!(config.places.data, Path::new("/data/kaygia-desk"));

    let error = Config::load(Flags::default(), &Environment::of(&[], Superuser::No)).unwrap_err();
    assert!(error.to_string().contains("set HOME"), "{error}");
}

/// Somebody's home folder.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn text(&self) -> &str {
        self.path().to_str().unwrap()
    }

    fn write(&self, text: &str) -> PathBuf {
        let file = self.path().join(".config/kaygia-desk/config.toml");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn load(&self, text: &str) -> Result<Config, ConfigError> {
        self.write(text);
        self.load_with(Flags::default(), &[])
    }

    fn load_with(&self, flags: Flags, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let mut all = vec![("HOME", self.text())];
        all.extend(variables);
        Config::load(flags, &Environment::of(&all, Superuser::No))
    }
}
