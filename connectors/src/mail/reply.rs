//! What a mail server's answer means for the letter. Pure.

use super::MailError;

/// How far a conversation had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// TCP.
    Connect,
    /// Banner and EHLO.
    Greeting,
    /// STARTTLS.
    Tls,
    /// AUTH.
    SignIn,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA and the letter itself.
    Content,
}

/// What went wrong in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A reply with this code (RFC 5321 §4.2).
    Code(u16),
    /// No reply, or none that is SMTP.
    NoReply,
    /// The server lacks what this letter needs (SMTPUTF8, RFC 6531).
    NotCapable,
}

/// A "never" counts only where it is about the recipient or the letter: before that it is about us,
/// and whoever runs the service can mend it while the letter waits.
pub(super) fn read(phase: Phase, trouble: Trouble) -> MailError {
    use Phase::{Connect, Content, Greeting, Recipient, Sender, SignIn, Tls};
    let temporary = MailError::Temporary;
    match (phase, trouble) {
        (Recipient, Trouble::Code(code @ 500..=599)) => {
            MailError::Permanent(format!("The mail server does not take this address ({code})."))
        }
        (Content, Trouble::Code(code @ 500..=599)) => {
            MailError::Permanent(format!("The mail server does not take this letter ({code})."))
        }
        (Recipient, Trouble::NotCapable) => {
            MailError::Permanent("The mail server does not take addresses like this one.".to_owned())
        }
        (Connect, _) => temporary("The mail server cannot be reached.".to_owned()),
        (Greeting, Trouble::Code(code)) => temporary(format!("The mail server is not ready ({code}).")),
        (Tls, _) => temporary("The mail server offers no safe connection.".to_owned()),
        (SignIn, _) => temporary("The mail server does not take our sign-in.".to_owned()),
        (Sender, Trouble::Code(code)) => {
            temporary(format!("The mail server does not take our address ({code})."))
        }
        (_, Trouble::Code(code)) => temporary(format!("The mail server asks us to wait ({code}).")),
        (_, Trouble::NoReply | Trouble::NotCapable) => temporary("The mail server broke off.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_recipient_and_the_letter_can_be_refused_for_good() {
        let phases = [
            Phase::Connect,
            Phase::Greeting,
            Phase::Tls,
            Phase::SignIn,
            Phase::Sender,
            Phase::Recipient,
            Phase::Content,
        ];
        for phase in phases {
            for code in [421, 450, 451, 452, 500, 535, 550, 552, 554, 250, 999] {
                let refused = matches!(read(phase, Trouble::Code(code)), MailError::Permanent(_));
                let about_the_letter = matches!(phase, Phase::Recipient | Phase::Content);
                assert_eq!(refused, about_the_letter && (500..600).contains(&code), "{phase:?} {code}");
            }
            assert!(matches!(read(phase, Trouble::NoReply), MailError::Temporary(_)), "{phase:?}");
            assert!(!read(phase, Trouble::NoReply).words().is_empty());
        }
    }
}
