//! Projects and clients to test the boards and the clients with.

use crate::fixtures::{NOW, ago, person};
use jiff::civil::date;
use kaygia_desk::domain::ids::{ProjectId, TicketId};
use kaygia_desk::domain::money::Budget;
use kaygia_desk::domain::project::{Project, ProjectCard, ProjectStatus, ProjectType};
use kaygia_desk::domain::query::{BoardColumn, BoardFilter, ClientProfile, Count};
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::domain::ticket::{TicketBrief, TicketStatus};
use kaygia_desk::domain::time::date_to_timestamp;
use kaygia_desk::domain::user::{ClientRow, Person, Role};

/// Cards that the board itself brings of each column.
pub const FIRST: usize = 50;

const CLIENTS: [(&str, &str, &str); 9] = [
    ("grace", "Grace Hopper", "Acme Ltd"),
    ("birch", "Tom Birch", "Birch & Co"),
    ("cedar", "Ida Cedar", "Cedar Homes"),
    ("delta", "Yuki 田中", "デルタ食品"),
    ("elm", "Nadia Elm", "Elm Studio"),
    ("fern", "Olu Fern", "Fern & Sons, Import and Export of Garden Furniture"),
    ("gorse", "", "Gorse Energy"),
    ("hazel", "", ""),
    ("iris", "Irisa Long-Doublename van der Meulen", "Iris Optics"),
];

pub fn client(n: usize) -> Person {
    let (id, name, company) = CLIENTS[n % CLIENTS.len()];
    let mut person = person(id, name, company, Role::Client);
    person.active = id != "fern";
    person
}

pub fn project_card(
    id: &str,
    title: &str,
    of: usize,
    status: ProjectStatus,
    end: Option<(i16, i8, i8)>,
) -> ProjectCard {
    let kinds = ProjectType::ALL;
    let n = id.bytes().map(usize::from).sum::<usize>();
    ProjectCard {
        id: ProjectId::new(id),
        title: SafeText::new(title),
        client: client(of),
        status,
        kind: kinds[n % 7].clone(),
        budget: (n % 5 != 0).then(|| Budget::new([900.0, 3200.0, 24_500.0, 41_000.0, 1_234_567.5][n % 5])),
        start_date: None,
        end_date: end.map(|(y, m, d)| date_to_timestamp(date(y, m, d))),
        open_tickets: [0, 3, 0, 1, 0, 120][n % 6],
        version: 1,
    }
}

/// All cards, in the order of their columns.
pub fn all_cards() -> Vec<ProjectCard> {
    use ProjectStatus as S;
    let mut cards = vec![
        project_card("p01", "Loyalty app", 1, S::Pending, Some((2027, 2, 14))),
        project_card("p02", "Second language for the shop", 0, S::Pending, Some((2027, 3, 1))),
        project_card("p03", "Newsletter", 4, S::Pending, None),
        project_card("p04", "オンラインショップの刷新", 3, S::Pending, None),
        project_card("p05", "Brand refresh", 2, S::Approved, Some((2026, 12, 1))),
        project_card("p06", "Careers page", 6, S::Approved, Some((2027, 1, 15))),
        project_card("p07", "Intranet", 7, S::Approved, None),
        project_card("p08", "Shop relaunch", 0, S::InProgress, Some((2026, 11, 2))),
        project_card("p09", "Accessibility audit", 8, S::InProgress, Some((2025, 12, 20))),
        project_card("p10", "Booking portal, phase two: payments", 3, S::InProgress, Some((2026, 11, 22))),
        project_card("p11", "CMS upgrade", 2, S::InProgress, Some((2027, 1, 31))),
        project_card("p12", "Photo library", 4, S::InProgress, None),
        project_card("p13", "Booking portal", 3, S::Review, Some((2026, 11, 30))),
        project_card("p14", "Search", 5, S::Review, Some((2026, 12, 4))),
        project_card("p15", "Print campaign", 5, S::Cancelled, None),
        project_card("p16", "Podcast site", 1, S::Cancelled, None),
    ];
    cards.sort_by_key(|card| (card.end_date.is_none(), card.end_date));
    for n in 0..120 {
        let end = ((2024 + n / 60) as i16, (1 + n / 5 % 12) as i8, (1 + n % 5 * 5) as i8);
        let title = format!("Landing page {}", n + 1);
        cards.push(project_card(&format!("c{n:03}"), &title, n as usize, S::Completed, Some(end)));
    }
    cards
}

pub fn fits(filter: &BoardFilter, card: &ProjectCard) -> bool {
    let text = filter.text.to_lowercase();
    let found = [card.title.as_str(), card.client.name.as_str(), card.client.company.as_str()];
    filter.client.as_ref().is_none_or(|id| *id == card.client.id)
        && found.iter().any(|part| part.to_lowercase().contains(&text))
}

pub fn board(filter: &BoardFilter) -> Vec<BoardColumn> {
    columns(&all_cards().into_iter().filter(|card| fits(filter, card)).collect::<Vec<_>>())
}

/// The board of these cards, as the desk answers it.
pub fn columns(cards: &[ProjectCard]) -> Vec<BoardColumn> {
    let of = |status: &ProjectStatus| {
        let cards: Vec<ProjectCard> = cards.iter().filter(|card| card.status == *status).cloned().collect();
        let count = Count::new(cards.len() as u32);
        BoardColumn { status: status.clone(), cards: cards.into_iter().take(FIRST).collect(), count }
    };
    ProjectStatus::ALL.iter().map(of).collect()
}

pub fn column_after(filter: &BoardFilter, status: &ProjectStatus, after: &ProjectCard) -> Vec<ProjectCard> {
    let column = all_cards().into_iter().filter(|card| fits(filter, card) && card.status == *status);
    column.skip_while(|card| card.id != after.id).skip(1).take(FIRST).collect()
}

pub fn project(id: &ProjectId) -> Option<Project> {
    let card = all_cards().into_iter().find(|card| card.id == *id)?;
    Some(Project {
        description: Some(SafeText::new(
            "A new shop on the platform that they know, with the catalogue of 3,200 articles.\n\n\
             - three languages\n- card, invoice and instalments\n\n出荷は12月から。",
        )),
        requirements: (card.id.as_str() != "p09")
            .then(|| SafeText::new("Must be up before Black Friday.\r\nSSO.")),
        created_at: ago(60 * 24 * 40),
        card,
    })
}

pub fn client_rows(text: &str) -> Vec<ClientRow> {
    let text = text.to_lowercase();
    (0..CLIENTS.len())
        .map(client)
        .filter(|person| {
            [&person.name, &person.company, &person.email]
                .iter()
                .any(|part| part.as_str().to_lowercase().contains(&text))
        })
        .enumerate()
        .map(|(n, person)| ClientRow {
            person,
            open_tickets: [3, 0, 1, 120][n % 4],
            projects: 2,
            created_at: ago(60 * 24 * 400),
            twin: n == 3,
        })
        .collect()
}

pub fn profile(id: &str) -> Option<ClientProfile> {
    let row = client_rows("").into_iter().find(|row| row.person.id.as_str() == id)?;
    let quiet = id == "hazel";
    let projects: Vec<ProjectCard> = all_cards()
        .into_iter()
        .filter(|card| !quiet && card.client.id == row.person.id && card.id.as_str().starts_with('p'))
        .collect();
    let ticket = |n: usize| TicketBrief {
        id: TicketId::new(format!("t{n}")),
        number: SafeText::new(&format!("TKT-{}", 1042 - n)),
        subject: SafeText::new(
            [
                "Checkout fails on iPhone",
                "Invoice sent twice? We paid the first one by bank transfer in June",
                "家族 👨‍👩‍👧‍👦",
            ][n % 3],
        ),
        status: [TicketStatus::Open, TicketStatus::Pending, TicketStatus::Resolved][n % 3].clone(),
        last_activity_at: ago(100 + 3000 * n as u64),
        waiting_since: n.is_multiple_of(3).then(|| ago(130)),
    };
    Some(ClientProfile {
        client: row,
        email_verified: id != "birch",
        last_logged_in: (!quiet).then_some(NOW),
        tickets: (0..if quiet { 0 } else { 7 }).map(ticket).collect(),
        projects,
    })
}
