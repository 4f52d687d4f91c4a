//! The one table of actions: keys, help, palette, footer and which-key are all printed from it.
//!
//! An action is what a person can ask for. Each has one row; a key is named in that row and nowhere else.

use super::key::Chord;

/// Where a key means something. The stack of contexts is computed from the state, innermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// Everywhere, text fields included.
    Always,
    /// Wherever no text is typed.
    Desk,
    /// Any list.
    Move,
    /// The list of tickets.
    Queue,
    /// The conversation.
    Thread,
    /// A ticket is at hand: queue and thread.
    Ticket,
    /// Writing a reply.
    Composer,
    /// The bar before sending.
    Review,
    /// The columns of projects.
    Board,
    /// A project opened.
    Project,
    /// The list of clients.
    Clients,
    /// A client opened.
    Profile,
    /// The accounts of staff.
    Staff,
    /// Any overlay with a list and a line to type in.
    Picker,
    /// The page of help.
    Help,
    /// What was done.
    Log,
    /// A question with yes and no.
    Confirm,
    /// A form of several fields.
    Form,
    /// The search line.
    Prompt,
    /// The sign-in screen.
    SignIn,
    /// The sign-in screen, with a code instead of a password.
    Redeem,
    /// A code to hand over.
    Code,
    /// The locked screen.
    Lock,
}

/// All that a person can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each has its name, label and help in the table")]
pub enum Action {
    MoveDown,
    MoveUp,
    MoveFirst,
    MoveLast,
    MoveHalfDown,
    MoveHalfUp,
    MovePageDown,
    MovePageUp,
    MoveLeft,
    MoveRight,
    Open,
    Back,
    GoQueue,
    GoBoards,
    GoClients,
    GoStaff,
    GoLog,
    History,
    LogDetails,
    LogFilter,
    MyAccount,
    MyPassword,
    GoPrevious,
    Palette,
    Help,
    Undo,
    Redo,
    Refresh,
    Redraw,
    Suspend,
    MouseToggle,
    Cancel,
    Quit,
    View1,
    View2,
    View5,
    View7,
    View8,
    ViewNext,
    ViewPrevious,
    Search,
    Sort,
    PreviewDown,
    PreviewUp,
    TicketNext,
    TicketPrevious,
    MessageNext,
    MessagePrevious,
    Reply,
    Take,
    Assign,
    Resolve,
    Settle,
    StatusOpen,
    StatusPending,
    StatusResolved,
    StatusClosed,
    PriorityLow,
    PriorityNormal,
    PriorityHigh,
    PriorityUrgent,
    MarkUnread,
    ClientCard,
    NewTicket,
    CopyNumber,
    CopyThread,
    ReadThread,
    ComposerReview,
    ComposerEditor,
    ReviewSend,
    ReviewSendNext,
    ReviewEdit,
    ReviewKeep,
    ReviewDiscard,
    CardLeft,
    CardRight,
    CardStatus,
    CardNew,
    CardEdit,
    CardTickets,
    BoardFilter,
    ClientSearch,
    ProfileTickets,
    ProfileProjects,
    AccountNew,
    AccountEdit,
    AccountActive,
    AccountVerify,
    AccountReset,
    AccountRole,
    AccountErase,
    AccountSessions,
    PickerChoose,
    PickerDown,
    PickerUp,
    OverlayClose,
    ConfirmYes,
    ConfirmNo,
    FormNext,
    FormPrevious,
    FormSubmit,
    PromptApply,
    SignInSubmit,
    SignInNext,
    SignInCode,
    RedeemSubmit,
    RedeemNext,
    RedeemBack,
    CodeCopy,
    CodeClose,
    Lock,
    Unlock,
}

/// What stands in the footer.
#[derive(Clone, Copy, Debug)]
pub struct Footer {
    /// Lower comes first.
    pub rank: u8,
    /// One or two words.
    pub label: &'static str,
    /// The key shown is the first of the chord: a prefix that opens the which-key box.
    pub prefix: bool,
}

/// One action.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which.
    pub action: Action,
    /// Its name in the config file and the palette.
    pub name: &'static str,
    /// Default keys, each where it holds; several for one context are parted by ` | `.
    pub keys: &'static [(Context, &'static str)],
    /// What the palette and the which-key box call it.
    pub label: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Heading in the help.
    pub group: &'static str,
    /// Place in the footer, if any.
    pub footer: Option<Footer>,
    /// Whether the palette offers it.
    pub in_palette: bool,
}

impl Row {
    const fn footer(mut self, rank: u8, label: &'static str) -> Self {
        self.footer = Some(Footer { rank, label, prefix: false });
        self
    }

    const fn prefix(mut self, rank: u8, label: &'static str) -> Self {
        self.footer = Some(Footer { rank, label, prefix: true });
        self
    }

    const fn palette(mut self) -> Self {
        self.in_palette = true;
        self
    }

    /// Whether it means the same on every screen: such rows come last in the help.
    pub fn is_general(&self) -> bool {
        matches!(self.group, MOVE | GO | DESK)
    }

    /// The default chords with their contexts.
    pub fn chords(&self) -> impl Iterator<Item = (Context, Chord)> {
        self.keys
            .iter()
            .flat_map(|(context, texts)| texts.split(" | ").map(move |text| (*context, text)))
            .filter_map(|(context, text)| Some((context, Chord::parse(text)?)))
    }
}

type Keys = &'static [(Context, &'static str)];

const fn row(
    action: Action,
    name: &'static str,
    keys: Keys,
    label: &'static str,
    help: &'static str,
    group: &'static str,
) -> Row {
    Row { action, name, keys, label, help, group, footer: None, in_palette: false }
}

use Action as A;
use Context as C;

const MOVE: &str = "Moving";
const GO: &str = "Going";
const QUEUE: &str = "Queue";
const TICKET: &str = "Ticket";
const THREAD: &str = "Thread";
const WRITE: &str = "Writing";
const BOARD: &str = "Boards";
const CLIENT: &str = "Clients";
const ACCOUNT: &str = "Accounts";
const DESK: &str = "Desk";
const DIALOG: &str = "Dialogs";

/// The table.
#[rustfmt::skip]
pub static TABLE: &[Row] = &[
    row(A::MoveDown, "move.down", &[(C::Move, "j | Down"), (C::Help, "j | Down")], "Down", "One row or line down.", MOVE),
    row(A::MoveUp, "move.up", &[(C::Move, "k | Up"), (C::Help, "k | Up")], "Up", "One row or line up.", MOVE),
    row(A::MoveFirst, "move.first", &[(C::Move, "g g | Home"), (C::Help, "g g | Home")], "First", "To the first row, or the beginning.", MOVE),
    row(A::MoveLast, "move.last", &[(C::Move, "G | End"), (C::Help, "G | End")], "Last", "To the last row, or the end.", MOVE),
    row(A::MoveHalfDown, "move.half_down", &[(C::Move, "Ctrl-d"), (C::Help, "Ctrl-d")], "Half a page down", "Half a page down.", MOVE),
    row(A::MoveHalfUp, "move.half_up", &[(C::Move, "Ctrl-u"), (C::Help, "Ctrl-u")], "Half a page up", "Half a page up.", MOVE),
    row(A::MovePageDown, "move.page_down", &[(C::Move, "PgDn"), (C::Help, "PgDn | Space"), (C::Composer, "PgDn"), (C::Review, "PgDn")], "Page down", "One page down.", MOVE),
    row(A::MovePageUp, "move.page_up", &[(C::Move, "PgUp"), (C::Help, "PgUp"), (C::Composer, "PgUp"), (C::Review, "PgUp")], "Page up", "One page up.", MOVE),
    row(A::MoveLeft, "move.left", &[(C::Move, "h | Left | Shift-Tab")], "Left", "To the pane or column on the left.", MOVE),
    row(A::MoveRight, "move.right", &[(C::Move, "l | Right | Tab")], "Right", "To the pane or column on the right.", MOVE),
    row(A::Open, "open", &[(C::Queue, "Enter | o"), (C::Board, "Enter"), (C::Clients, "Enter | o"), (C::Profile, "Enter | o"), (C::Staff, "Enter | o")], "Open", "Open what the cursor is on.", MOVE).footer(10, "open"),
    row(A::Back, "back", &[(C::Desk, "q | Esc")], "Back", "One level back; at the top, leave the desk.", MOVE).footer(90, "back"),
    row(A::GoQueue, "go.queue", &[(C::Desk, "g q")], "Queue", "Go to the queue of tickets.", GO).palette(),
    row(A::GoBoards, "go.boards", &[(C::Desk, "g b")], "Boards", "Go to the project boards.", GO).palette(),
    row(A::GoClients, "go.clients", &[(C::Desk, "g c")], "Clients", "Go to the clients.", GO).palette(),
    row(A::GoStaff, "go.staff", &[(C::Desk, "g t")], "Staff", "Go to the accounts of staff.", GO).palette(),
    row(A::GoLog, "go.log", &[(C::Desk, "g e")], "All that was done", "Who did what, when, from where.", GO).palette(),
    row(A::MyAccount, "account.mine", &[(C::Desk, "g a")], "My account…", "Change my own name and company.", GO).palette(),
    row(A::MyPassword, "account.password", &[(C::Desk, "g w")], "My password…", "Set a new password for myself.", GO).palette(),
    row(A::GoPrevious, "go.previous", &[(C::Ticket, "-")], "Previous ticket", "To the ticket before this one, and back again.", GO).palette(),
    row(A::Palette, "palette", &[(C::Desk, ": | Ctrl-k")], "Commands", "Find any command by name, or a ticket by number.", DESK).footer(70, "commands"),
    row(A::Help, "help", &[(C::Desk, "?")], "Help", "All keys that mean something here.", DESK).palette(),
    row(A::Undo, "undo", &[(C::Desk, "z")], "Undo", "Take the last change back.", DESK).palette(),
    row(A::Redo, "redo", &[(C::Desk, "Z")], "Redo", "Do again what was taken back.", DESK).palette(),
    row(A::Refresh, "refresh", &[(C::Desk, "F5")], "Refresh", "Read everything on the screen again.", DESK).palette(),
    row(A::Redraw, "redraw", &[(C::Always, "Ctrl-l")], "Redraw", "Draw the screen anew.", DESK).palette(),
    row(A::Suspend, "suspend", &[(C::Always, "Ctrl-z")], "Suspend", "To the shell; `fg` comes back.", DESK).palette(),
    row(A::MouseToggle, "mouse", &[(C::Desk, "g m")], "Mouse on or off", "Give the mouse to the terminal's own selection, and back.", DESK).palette(),
    row(A::Cancel, "cancel", &[(C::Always, "Ctrl-c")], "Cancel", "Leave what is being asked or typed; nothing is lost.", DESK),
    row(A::Quit, "quit", &[], "Quit", "Leave the desk.", DESK).palette(),
    row(A::View1, "view.1", &[(C::Queue, "1"), (C::Thread, "1")], "Mine", "My active tickets, waiting longest first.", QUEUE).palette(),
    row(A::View2, "view.2", &[(C::Queue, "2"), (C::Thread, "2")], "Unassigned", "Active tickets that nobody has taken.", QUEUE).palette(),
    row(A::View5, "view.5", &[(C::Queue, "5"), (C::Thread, "5")], "Gone quiet", "PENDING for more than 7 days without a message.", QUEUE).palette(),
    row(A::View7, "view.7", &[(C::Queue, "7"), (C::Thread, "7")], "All active", "Everything open, pending or waiting on us.", QUEUE).palette(),
    row(A::View8, "view.8", &[(C::Queue, "8"), (C::Thread, "8")], "Just resolved", "RESOLVED with a message in the last 14 days.", QUEUE).palette(),
    row(A::ViewNext, "view.next", &[(C::Queue, "]")], "Next view", "The view after this one.", QUEUE),
    row(A::ViewPrevious, "view.previous", &[(C::Queue, "[")], "Previous view", "The view before this one.", QUEUE),
    row(A::Search, "search", &[(C::Queue, "/")], "Search", "Find tickets by number, or by a client's name, company or address.", QUEUE).footer(35, "search").palette(),
    row(A::Sort, "sort", &[(C::Queue, "S")], "Sort", "Waiting longest first, or newest activity first.", QUEUE).palette(),
    row(A::PreviewDown, "preview.down", &[(C::Queue, "J")], "Scroll the preview down", "Scroll the conversation down without leaving the queue.", QUEUE),
    row(A::PreviewUp, "preview.up", &[(C::Queue, "K")], "Scroll the preview up", "Scroll the conversation up without leaving the queue.", QUEUE),
    row(A::TicketNext, "ticket.next", &[(C::Thread, "J")], "Next ticket", "The ticket below this one in the queue.", THREAD).palette(),
    row(A::TicketPrevious, "ticket.previous", &[(C::Thread, "K")], "Ticket above", "The ticket above this one in the queue.", THREAD),
    row(A::MessageNext, "message.next", &[(C::Thread, "}")], "Next message", "To the next message.", THREAD),
    row(A::MessagePrevious, "message.previous", &[(C::Thread, "{")], "Previous message", "To the message before.", THREAD),
    row(A::Reply, "ticket.reply", &[(C::Ticket, "r")], "Reply", "Write an answer to the client.", TICKET).footer(20, "reply").palette(),
    row(A::Take, "ticket.take", &[(C::Ticket, "t")], "Take or release", "Make the ticket yours; again to release it.", TICKET).footer(30, "take").palette(),
    row(A::Assign, "ticket.assign", &[(C::Ticket, "a")], "Assign…", "Give the ticket to a colleague.", TICKET).footer(44, "assign").palette(),
    row(A::Resolve, "ticket.resolve", &[(C::Ticket, "e")], "Resolve and next", "Set RESOLVED and go to the next ticket.", TICKET).footer(33, "resolve & next").palette(),
    row(A::Settle, "ticket.settle", &[(C::Ticket, "A")], "No answer needed", "Stop the waiting clock; the status stays.", TICKET).palette(),
    row(A::StatusOpen, "ticket.status.open", &[(C::Ticket, "s o"), (C::Review, "s o")], "Status OPEN", "Set the status OPEN; before sending, the status to send with.", TICKET).prefix(40, "status").palette(),
    row(A::StatusPending, "ticket.status.pending", &[(C::Ticket, "s p"), (C::Review, "s p")], "Status PENDING", "Set the status PENDING; before sending, the status to send with.", TICKET).palette(),
    row(A::StatusResolved, "ticket.status.resolved", &[(C::Ticket, "s r"), (C::Review, "s r")], "Status RESOLVED", "Set the status RESOLVED; before sending, the status to send with.", TICKET).palette(),
    row(A::StatusClosed, "ticket.status.closed", &[(C::Ticket, "s c"), (C::Review, "s c")], "Status CLOSED", "Set the status CLOSED; before sending, the status to send with.", TICKET).palette(),
    row(A::PriorityLow, "ticket.priority.low", &[(C::Ticket, "p 1")], "Priority low", "Set the priority low.", TICKET).prefix(45, "priority").palette(),
    row(A::PriorityNormal, "ticket.priority.normal", &[(C::Ticket, "p 2")], "Priority normal", "Set the priority normal.", TICKET).palette(),
    row(A::PriorityHigh, "ticket.priority.high", &[(C::Ticket, "p 3")], "Priority high", "Set the priority high.", TICKET).palette(),
    row(A::PriorityUrgent, "ticket.priority.urgent", &[(C::Ticket, "p 4")], "Priority urgent", "Set the priority urgent.", TICKET).palette(),
    row(A::MarkUnread, "ticket.unread", &[(C::Ticket, "u")], "Mark unread", "Mark the ticket unread for me.", TICKET).palette(),
    row(A::ClientCard, "ticket.client", &[(C::Ticket, "i")], "Client card", "Who the client is: other tickets, projects.", TICKET).palette(),
    row(A::NewTicket, "ticket.new", &[(C::Ticket, "C"), (C::Profile, "C"), (C::Clients, "C")], "New ticket…", "Open a ticket in a client's name.", TICKET).palette(),
    row(A::History, "history", &[(C::Ticket, "H | g h"), (C::Board, "g h"), (C::Project, "g h")], "History", "What was done to the ticket or the project, and by whom.", TICKET).palette(),
    row(A::CopyNumber, "copy.number", &[(C::Ticket, "y")], "Copy the number", "Put the ticket's number on the clipboard.", TICKET).palette(),
    row(A::CopyThread, "copy.thread", &[(C::Ticket, "Y")], "Copy the thread", "Put the whole conversation on the clipboard, as markdown.", TICKET).palette(),
    row(A::ReadThread, "thread.read", &[(C::Ticket, "v")], "Read in the editor", "Open a copy of the whole conversation in $EDITOR, however long it is.", THREAD).palette(),
    row(A::ComposerReview, "composer.review", &[(C::Composer, "Esc | Ctrl-x Enter")], "Review", "Stop writing: send, keep or discard.", WRITE).footer(10, "review"),
    row(A::ComposerEditor, "composer.editor", &[(C::Composer, "Ctrl-x Ctrl-e")], "Editor", "Go on in $EDITOR.", WRITE).footer(20, "editor"),
    row(A::ReviewSend, "review.send", &[(C::Review, "y")], "Send", "Send with the status shown.", WRITE).footer(10, "send"),
    row(A::ReviewSendNext, "review.send_next", &[(C::Review, "Y")], "Send and next", "Send and open the next ticket.", WRITE).footer(20, "send & next"),
    row(A::ReviewEdit, "review.edit", &[(C::Review, "e | Enter")], "Edit on", "Back to writing.", WRITE).footer(40, "edit"),
    row(A::ReviewKeep, "review.keep", &[(C::Review, "n | q | Esc")], "Keep draft", "Close; the draft stays.", WRITE).footer(15, "keep"),
    row(A::ReviewDiscard, "review.discard", &[(C::Review, "x")], "Discard", "Throw the draft away; asks first.", WRITE).footer(60, "discard"),
    row(A::CardLeft, "card.left", &[(C::Board, "H"), (C::Project, "H")], "Move card left", "Move the project one column to the left.", BOARD).footer(20, "move left").palette(),
    row(A::CardRight, "card.right", &[(C::Board, "L"), (C::Project, "L")], "Move card right", "Move the project one column to the right.", BOARD).footer(21, "move right").palette(),
    row(A::CardStatus, "card.status", &[(C::Board, "s"), (C::Project, "s")], "Project status…", "Pick the column to move the project to.", BOARD).footer(25, "status").palette(),
    row(A::CardNew, "card.new", &[(C::Board, "n"), (C::Profile, "n"), (C::Clients, "n")], "New project…", "Make a project.", BOARD).footer(40, "new project").palette(),
    row(A::CardEdit, "card.edit", &[(C::Board, "e"), (C::Project, "e")], "Edit project…", "Change the project's fields.", BOARD).footer(30, "edit").palette(),
    row(A::CardTickets, "card.tickets", &[(C::Board, "o"), (C::Project, "o")], "Tickets of this client", "The queue, with this client's tickets.", BOARD).footer(50, "tickets").palette(),
    row(A::BoardFilter, "board.filter", &[(C::Board, "/")], "Filter projects", "Only projects whose title or client contains the text.", BOARD).footer(60, "filter").palette(),
    row(A::ClientSearch, "client.search", &[(C::Clients, "/ | i")], "Find a client", "Type a part of a name, company or address.", CLIENT).footer(20, "find").palette(),
    row(A::ProfileTickets, "profile.tickets", &[(C::Profile, "t"), (C::Clients, "t")], "Their tickets", "The queue, with this client's tickets.", CLIENT).footer(20, "tickets"),
    row(A::ProfileProjects, "profile.projects", &[(C::Profile, "p"), (C::Clients, "p")], "Their projects", "The board, with this client's projects.", CLIENT).footer(30, "projects"),
    row(A::AccountNew, "account.new", &[(C::Clients, "a"), (C::Profile, "a"), (C::Staff, "a")], "New account…", "Make an account; its owner gets a code to verify it with.", ACCOUNT).footer(62, "new account").palette(),
    row(A::AccountEdit, "account.edit", &[(C::Clients, "e"), (C::Profile, "e"), (C::Staff, "e")], "Edit account…", "Change name, company or e-mail address.", ACCOUNT).footer(61, "edit").palette(),
    row(A::AccountActive, "account.active", &[(C::Clients, "d"), (C::Profile, "d"), (C::Staff, "d")], "Switch off or on…", "Switch the account off, or on again; nothing is deleted.", ACCOUNT).footer(91, "off/on").palette(),
    row(A::AccountVerify, "account.verify", &[(C::Clients, "v"), (C::Profile, "v"), (C::Staff, "v")], "Send verification", "Give out a code that proves the e-mail address.", ACCOUNT).footer(92, "verify").palette(),
    row(A::AccountReset, "account.reset", &[(C::Clients, "r"), (C::Profile, "r"), (C::Staff, "r")], "Start password reset…", "Give out a code to choose a new password with.", ACCOUNT).footer(93, "reset").palette(),
    row(A::AccountRole, "account.role", &[(C::Clients, "s"), (C::Profile, "s"), (C::Staff, "s")], "Role…", "Give the account another role.", ACCOUNT).footer(94, "role").palette(),
    row(A::AccountSessions, "account.sessions", &[(C::Staff, "E")], "End sessions…", "End all sessions of this person; what they write is kept.", ACCOUNT).footer(96, "end sessions").palette(),
    row(A::AccountErase, "account.erase", &[(C::Clients, "X"), (C::Profile, "X"), (C::Staff, "X")], "Erase…", "Overwrite what says who the person is; shows what it touches first.", ACCOUNT).footer(95, "erase").palette(),
    row(A::LogDetails, "log.details", &[(C::Log, "Enter")], "Details", "All that is known of an event, and back.", DIALOG).footer(10, "details"),
    row(A::LogFilter, "log.filter", &[(C::Log, "/")], "Filter the log", "Only what somebody did, of a kind, since or until a day.", DIALOG).footer(20, "filter"),
    row(A::PickerChoose, "picker.choose", &[(C::Picker, "Enter")], "Choose", "Take the marked entry.", DIALOG).footer(10, "choose"),
    row(A::PickerDown, "picker.down", &[(C::Picker, "Down | Ctrl-n | Tab")], "Down", "The next entry.", DIALOG),
    row(A::PickerUp, "picker.up", &[(C::Picker, "Up | Ctrl-p | Shift-Tab")], "Up", "The entry before.", DIALOG),
    row(A::OverlayClose, "overlay.close", &[(C::Picker, "Esc"), (C::Help, "q | Esc | ?"), (C::Log, "q | Esc"), (C::Form, "Esc"), (C::Prompt, "Esc"), (C::Confirm, "Esc")], "Close", "Close without doing anything.", DIALOG).footer(90, "close"),
    row(A::ConfirmYes, "confirm.yes", &[(C::Confirm, "y")], "Yes", "Do it.", DIALOG).footer(10, "yes"),
    row(A::ConfirmNo, "confirm.no", &[(C::Confirm, "n | q")], "No", "Leave it.", DIALOG).footer(20, "no"),
    row(A::FormNext, "form.next", &[(C::Form, "Tab")], "Next field", "The next field.", DIALOG).footer(20, "next field"),
    row(A::FormPrevious, "form.previous", &[(C::Form, "Shift-Tab")], "Previous field", "The field before.", DIALOG),
    row(A::FormSubmit, "form.submit", &[(C::Form, "Ctrl-x Enter | Ctrl-o")], "Save", "Check the form and save it.", DIALOG).footer(10, "save"),
    row(A::PromptApply, "prompt.apply", &[(C::Prompt, "Enter")], "Search", "Search for what is typed; nothing typed shows the view again.", DIALOG).footer(10, "search"),
    row(A::SignInSubmit, "sign_in.submit", &[(C::SignIn, "Enter")], "Sign in", "Sign in with what is typed.", DESK).footer(10, "sign in"),
    row(A::Lock, "desk.lock", &[(C::Desk, "g l"), (C::Composer, "Ctrl-x l")], "Lock", "Hide everything until you type your password; drafts are kept.", DESK).palette(),
    row(A::Unlock, "desk.unlock", &[(C::Lock, "Enter")], "Unlock", "Go on with the password that is typed.", DESK).footer(10, "unlock"),
    row(A::SignInNext, "sign_in.next", &[(C::SignIn, "Tab | Shift-Tab | Up | Down")], "Other field", "To the other field.", DESK).footer(20, "other field"),
    row(A::SignInCode, "sign_in.code", &[(C::SignIn, "Ctrl-r")], "I have a code", "Choose a new password, or verify your address, with a code.", DESK).footer(30, "I have a code"),
    row(A::RedeemSubmit, "redeem.submit", &[(C::Redeem, "Enter")], "Use the code", "Use the code, with a new password if one is typed.", DESK).footer(10, "use the code"),
    row(A::RedeemNext, "redeem.next", &[(C::Redeem, "Tab | Down")], "Next field", "To the next field.", DESK).footer(20, "next field"),
    row(A::RedeemBack, "redeem.back", &[(C::Redeem, "Esc")], "Back to signing in", "Back to e-mail and password.", DESK).footer(30, "back"),
    row(A::CodeCopy, "code.copy", &[(C::Code, "y")], "Copy the code", "Put the code on the clipboard.", DIALOG).footer(20, "copy"),
    row(A::CodeClose, "code.close", &[(C::Code, "Esc")], "Close", "Close; the code is not shown again.", DIALOG).footer(90, "close"),
];

/// The row of an action.
///
/// Every action has one (a test says so); the first row stands in if that were ever broken.
pub fn row_of(action: Action) -> &'static Row {
    TABLE.iter().find(|row| row.action == action).unwrap_or(&TABLE[0])
}
