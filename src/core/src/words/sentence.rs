//! What there is to say. One more sentence is one more variant here, and a line in the same place of every language.

macro_rules! sentences {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A sentence. Its key in the configuration is its name, such as `wrong_code`; what is filled in stands in its text.
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(test, derive(Debug))]
        pub enum Sentence {
            $($(#[$doc])* $name,)+
        }

        #[cfg(test)]
        impl Sentence {
            pub(super) const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

sentences! {
    /// How a prompt for a code begins.
    CodePrompt,
    /// How a prompt for a password with a code behind it begins.
    CombinedPrompt,
    /// Two remarks in one prompt.
    Both,
    /// The code was wrong.
    WrongCode,
    /// The code was wrong, and one too many for the one that was sent.
    VoidedCode,
    /// The code was right once.
    UsedCode,
    /// The code was right, but is too old.
    OldCode,
    /// The code was wrong, or of a token whose counter nobody knows.
    LostToken,
    /// The answer was empty.
    NoCode,
    /// In `{tries}`.
    OneTry,
    /// In `{tries}`.
    Tries,
    /// Codes are not judged for a while.
    Wait,
    /// Codes are not judged before somebody unlocks.
    Locked,
    /// A code went out.
    Sent,
    /// A code is going out.
    OnItsWay,
    /// A code went out a while ago.
    SentBefore,
    /// A code went out and is good no more; another has to wait.
    Soon,
    /// A code did not go out.
    NotSent,
    /// So many codes went out that none may for a while.
    Exhausted,
    /// The same, while the last of them is good.
    ExhaustedOneGood,
    /// Which code is wanted, after a choice.
    FromApp,
    /// Which code is wanted, after a choice.
    FromToken,
    /// Which code is wanted, after a choice.
    FromSheet,
    /// The list has no such number.
    NoSuchWay,
    /// The list stands above the prompt.
    Choose,
    /// The administrator was written to.
    Asked,
    /// The administrator is being written to.
    AskOnItsWay,
    /// The administrator was written to less than an hour ago.
    AskedBefore,
    /// The administrator could not be written to.
    NotAsked,
    /// Above the list.
    OtherWays,
    /// In the list.
    WayApp,
    /// In the list.
    WayToken,
    /// In the list.
    WayEmail,
    /// In the list.
    WaySms,
    /// In the list.
    WayRescue,
    /// In the list.
    WayRecovery,
    /// In the list.
    WayAdministrator,
    /// Below a list in which nobody can be asked.
    NoWay,
    /// After the last wrong answer: true for those who are not enrolled as for those who are.
    Refused,
    /// The records cannot be used.
    Unavailable,
    /// The end of a login that was throttled.
    Throttled,
    /// The end of a login of somebody who is locked.
    LockedOut,
    /// After a recovery code.
    LastRecoveryCode,
    /// After a recovery code.
    OneRecoveryCode,
    /// After a recovery code.
    RecoveryCodes,
    /// A second factor has to be set up now.
    SetUpNeeded,
    /// How the secret shall be shown.
    SetUpHow,
    /// What the prompt for the first code says.
    SetUpCode,
    /// Above the secret as a text.
    SetUpByHand,
    /// Below that, where an app needs to be told.
    SetUpParameters,
    /// The first code was wrong.
    SetUpWrong,
    /// Above the recovery codes.
    SetUpKeep,
    /// Below them.
    SetUpKept,
    /// A duration.
    Seconds,
    /// A duration.
    Minutes,
    /// A duration.
    MinutesSeconds,
    /// In a notice: a recovery code was used.
    NewsRecovery,
    /// In a notice: the account is locked.
    NewsLocked,
    /// In a notice: a device was replaced.
    NewsReplaced,
    /// In a notice: a method was removed.
    NewsEvery,
    /// In a notice: everything was removed.
    NewsAll,
}
