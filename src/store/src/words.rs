//! Small enums as words in columns, and back.

use crate::receipt::ReceiptState;
use tonewall_model::payment::{Check, DeclineClass, UnknownWhy};

/// An enum that a column holds as a word.
pub(crate) trait Word: Sized {
    fn word(self) -> &'static str;
    fn from_word(text: &str) -> Option<Self>;
}

/// Both directions from one table; a variant that is missing does not compile.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl Word for $type {
            fn word(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }

            fn from_word(text: &str) -> Option<$type> {
                match text { $($word => Some($type::$variant),)+ _ => None }
            }
        }

        #[cfg(test)]
        impl Every for $type {
            const EVERY: &'static [$type] = &[$($type::$variant),+];
        }
    };
}

words!(DeclineClass {
    FixData = "fix_data",
    TryOtherCard = "try_other_card",
    RetryLater = "retry_later",
    NeverRetry = "never_retry",
    CallIssuer = "call_issuer",
    NeedsSca = "needs_sca",
});

words!(UnknownWhy {
    TimedOut = "timed_out",
    ConnectionLost = "connection_lost",
    ServerError = "server_error",
    Unreadable = "unreadable",
    EchoMismatch = "echo_mismatch",
    TaskDied = "task_died",
    ProcessDied = "process_died",
});

words!(Check {
    Match = "match",
    Mismatch = "mismatch",
    Partial = "partial",
    NotChecked = "not_checked",
    NotProvided = "not_provided",
    Unsupported = "unsupported",
});

words!(ReceiptState { Queued = "queued", Sent = "sent", Refused = "refused" });

#[cfg(test)]
pub(crate) trait Every: Sized + 'static {
    const EVERY: &'static [Self];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_read_back<W: Word + Every + Copy + PartialEq + std::fmt::Debug>() {
        for value in W::EVERY {
            assert_eq!(W::from_word(value.word()), Some(*value));
        }
        assert_eq!(W::from_word("no such word"), None);
    }

    #[test]
    fn words_read_back() {
        all_read_back::<DeclineClass>();
        all_read_back::<UnknownWhy>();
        all_read_back::<Check>();
        all_read_back::<ReceiptState>();
    }
}
