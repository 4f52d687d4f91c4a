//! Accounts as they are drawn, at four sizes. Snapshots that somebody has looked at.

use crate::fixtures::Bench;
use crate::screens::drawn;
use kaygia_desk::domain::user::Role;

const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 50)];

/// As a super administrator sees it.
fn at_each_size(name: &str, steps: impl Fn(&mut Bench)) {
    for size in SIZES {
        let mut bench = Bench::new(size, 30);
        bench.state.me.as_mut().unwrap().role = Role::SuperAdmin;
        steps(&mut bench);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), drawn(&bench));
    }
}

#[test]
fn the_accounts_of_staff() {
    at_each_size("staff", |bench| {
        bench.keys("g t").answer();
        bench.keys("j j");
    });
}

#[test]
fn a_new_member_of_staff() {
    at_each_size("new_staff", |bench| {
        bench.keys("g t").answer();
        bench.keys("a").text("Mary Shelley").keys("Tab").text("mary");
    });
}

#[test]
fn editing_a_client() {
    at_each_size("edit_client", |bench| {
        bench.keys("g c").answer();
        bench.keys("e Tab");
    });
}

#[test]
fn switching_off_is_asked_with_what_it_means() {
    at_each_size("switch_off", |bench| {
        bench.keys("g c").answer();
        bench.keys("d");
    });
}

#[test]
fn picking_a_role() {
    at_each_size("role", |bench| {
        bench.keys("g t").answer();
        bench.keys("j s");
    });
}

#[test]
fn an_erasure_shows_what_it_touches() {
    at_each_size("erase", |bench| {
        bench.keys("g c").answer();
        bench.keys("X").answer();
        bench.text("grace@");
    });
}

#[test]
fn a_new_password() {
    at_each_size("password", |bench| {
        bench.keys("g w").text("the old one").keys("Tab").text("password1234").keys("Ctrl-o");
    });
}
