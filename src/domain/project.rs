//! Projects: the cards of the boards.

use super::ids::ProjectId;
use super::money::Budget;
use super::safe_text::{SafeText, sanitise};
use super::time::Timestamp;
use super::user::Person;

/// The `project_status` enum; a value the desk does not know is shown as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProjectStatus {
    /// Awaiting approval.
    Pending,
    /// Approved, ready to start.
    Approved,
    /// Being worked on.
    InProgress,
    /// Under review.
    Review,
    /// Done.
    Completed,
    /// Called off.
    Cancelled,
    /// A value that the web app added later.
    Unknown(Box<str>),
}

impl ProjectStatus {
    /// The documented values: the columns of the board, in their order.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Approved, Self::InProgress, Self::Review, Self::Completed, Self::Cancelled];

    /// Reads the database's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "PENDING" => Self::Pending,
            "APPROVED" => Self::Approved,
            "IN_PROGRESS" => Self::InProgress,
            "REVIEW" => Self::Review,
            "COMPLETED" => Self::Completed,
            "CANCELLED" => Self::Cancelled,
            other => Self::Unknown(sanitise(other).into()),
        }
    }

    /// The database's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::InProgress => "IN_PROGRESS",
            Self::Review => "REVIEW",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
            Self::Unknown(word) => word,
        }
    }

    /// The words on the screen.
    pub fn label(&self) -> &str {
        match self {
            Self::Pending => "Pending",
            Self::Approved => "Approved",
            Self::InProgress => "In progress",
            Self::Review => "Review",
            Self::Completed => "Completed",
            Self::Cancelled => "Cancelled",
            Self::Unknown(word) => word,
        }
    }

    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

/// The `project_type` enum; a value the desk does not know is shown as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProjectType {
    /// A website.
    Website,
    /// A shop.
    ECommerce,
    /// A web application.
    WebApp,
    /// A mobile application.
    MobileApp,
    /// Branding.
    Branding,
    /// Marketing.
    Marketing,
    /// Anything else.
    Other,
    /// A value that the web app added later.
    Unknown(Box<str>),
}

impl ProjectType {
    /// The documented values, in their order.
    pub const ALL: [Self; 7] = [
        Self::Website,
        Self::ECommerce,
        Self::WebApp,
        Self::MobileApp,
        Self::Branding,
        Self::Marketing,
        Self::Other,
    ];

    /// Reads the database's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "WEBSITE" => Self::Website,
            "E_COMMERCE" => Self::ECommerce,
            "WEB_APP" => Self::WebApp,
            "MOBILE_APP" => Self::MobileApp,
            "BRANDING" => Self::Branding,
            "MARKETING" => Self::Marketing,
            "OTHER" => Self::Other,
            other => Self::Unknown(sanitise(other).into()),
        }
    }

    /// The database's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Website => "WEBSITE",
            Self::ECommerce => "E_COMMERCE",
            Self::WebApp => "WEB_APP",
            Self::MobileApp => "MOBILE_APP",
            Self::Branding => "BRANDING",
            Self::Marketing => "MARKETING",
            Self::Other => "OTHER",
            Self::Unknown(word) => word,
        }
    }

    /// The words on the screen.
    pub fn label(&self) -> &str {
        match self {
            Self::Website => "website",
            Self::ECommerce => "e-commerce",
            Self::WebApp => "web app",
            Self::MobileApp => "mobile app",
            Self::Branding => "branding",
            Self::Marketing => "marketing",
            Self::Other => "other",
            Self::Unknown(word) => word,
        }
    }
}

/// A card on the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectCard {
    /// The row of `projects`.
    pub id: ProjectId,
    /// What it is called.
    pub title: SafeText,
    /// Whose it is.
    pub client: Person,
    /// The column it stands in.
    pub status: ProjectStatus,
    /// What kind of work.
    pub kind: ProjectType,
    /// Pounds, if given.
    pub budget: Option<Budget>,
    /// First day: midnight UTC.
    pub start_date: Option<Timestamp>,
    /// Last day: midnight UTC.
    pub end_date: Option<Timestamp>,
    /// Open tickets of the client.
    pub open_tickets: i64,
    /// Orders notifications.
    pub version: i64,
}

/// A project opened: the card and its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// What the board shows of it.
    pub card: ProjectCard,
    /// What it is about.
    pub description: Option<SafeText>,
    /// What the client asked for.
    pub requirements: Option<SafeText>,
    /// When it was made.
    pub created_at: Timestamp,
}
