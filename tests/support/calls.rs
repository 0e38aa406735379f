//! Calls as data: what a byte string, random or a fuzzer's, asks of a ring.

/// A string of decisions; an empty one decides for 0.
pub(crate) struct Decisions<'a>(pub(crate) &'a [u8]);

impl Decisions<'_> {
    /// The next byte, `None` at the end.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.next().unwrap_or(0)) % end
    }
}

/// How a claim comes to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    Commit,
    Abandon,
    Drop,
    Forget,
}

/// One call on one end of a ring. Which of several ends is for the runner to decide.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call {
    Push,
    PushIter,
    Claim,
    Displace,
    Pop,
    PopEach,
    PopInto,
    PopSlice,
    Peek,
    Look,
    CloneProducer,
    CloneConsumer,
    DropProducer,
    DropConsumer,
    ProducerIntoRemaining,
    ConsumerIntoRemaining,
    CloseByProducer,
    CloseByConsumer,
}

impl Call {
    /// Weighted: traffic is common. What ends something comes in rings that are not to last, and nowhere else.
    pub(crate) fn choose(byte: u8, lasts: bool) -> Self {
        match byte {
            241.. if lasts => Self::Look,
            0..=55 => Self::Push,
            56..=75 => Self::PushIter,
            76..=105 => Self::Claim,
            106..=115 => Self::Displace,
            116..=165 => Self::Pop,
            166..=180 => Self::PopEach,
            181..=195 => Self::PopInto,
            196..=205 => Self::PopSlice,
            206..=220 => Self::Peek,
            221..=232 => Self::Look,
            233..=236 => Self::CloneProducer,
            237..=240 => Self::CloneConsumer,
            241..=243 => Self::DropProducer,
            244..=246 => Self::DropConsumer,
            247..=248 => Self::ProducerIntoRemaining,
            249..=250 => Self::ConsumerIntoRemaining,
            251..=252 => Self::CloseByProducer,
            253..=255 => Self::CloseByConsumer,
        }
    }
}

impl Ending {
    pub(crate) fn choose(byte: u8) -> Self {
        match byte % 8 {
            0..=3 => Self::Commit,
            4 => Self::Abandon,
            5 => Self::Drop,
            _ => Self::Forget,
        }
    }
}
