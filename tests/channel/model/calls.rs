//! Calls on the ends of a channel, as data.

/// One call. On which of several ends, and in which of its forms, is for the run to decide.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call {
    Send,
    SendMany,
    SendAsync,
    Claim,
    Recv,
    RecvMany,
    RecvAsync,
    RecvOrGap,
    RecvRef,
    Peek,
    Look,
    CloneSender,
    CloneReceiver,
    Subscribe,
    Downgrade,
    Upgrade,
    DropSender,
    DropReceiver,
    CloseBySender,
    CloseByReceiver,
    Drain,
}

impl Call {
    /// Weighted: traffic is common. What ends something comes in channels that are not to last, and nowhere else.
    pub(super) fn choose(byte: u8, lasts: bool) -> Self {
        match byte {
            244.. if lasts => Self::Look,
            0..=49 => Self::Send,
            50..=64 => Self::SendMany,
            65..=84 => Self::SendAsync,
            85..=99 => Self::Claim,
            100..=144 => Self::Recv,
            145..=159 => Self::RecvMany,
            160..=184 => Self::RecvAsync,
            185..=194 => Self::RecvOrGap,
            195..=202 => Self::RecvRef,
            203..=212 => Self::Peek,
            213..=223 => Self::Look,
            224..=227 => Self::CloneSender,
            228..=231 => Self::CloneReceiver,
            232..=235 => Self::Subscribe,
            236..=238 => Self::Downgrade,
            239..=243 => Self::Upgrade,
            244..=246 => Self::DropSender,
            247..=249 => Self::DropReceiver,
            250..=251 => Self::CloseBySender,
            252..=253 => Self::CloseByReceiver,
            254..=255 => Self::Drain,
        }
    }

    /// Whether it is made on a sender; if not, on a receiver.
    pub(super) fn is_of_senders(self) -> bool {
        use Call::*;
        matches!(
            self,
            Send | SendMany | SendAsync | Claim | CloneSender | Subscribe | Downgrade | DropSender | CloseBySender
        )
    }
}
