//! What is to be done: numbered items of 64 bytes, each of which comes once, whole, and is acked.

/// Items that travel together, where they can.
pub(crate) const BATCH: usize = 512;

/// 64 bytes: eight words that follow from the item's number, which is the first.
pub(crate) type Payload = [u8; 64];

pub(crate) fn payload(number: u64) -> Payload {
    let mut payload = [0; 64];
    for (nth, word) in payload.chunks_exact_mut(8).enumerate() {
        word.copy_from_slice(&word_of(number, nth as u64).to_le_bytes());
    }
    payload
}

fn word_of(number: u64, nth: u64) -> u64 {
    number.wrapping_add(nth.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// Which items came.
pub(crate) struct Seen {
    came: Vec<bool>,
    left: u64,
}

impl Seen {
    pub(crate) fn new(items: u64) -> Self {
        Self { came: vec![false; items as usize], left: items }
    }

    /// Notes an item; an error if it is broken, unknown or came before.
    pub(crate) fn note(&mut self, bytes: &[u8]) -> Result<(), String> {
        let number = bytes.first_chunk().map_or(u64::MAX, |word| u64::from_le_bytes(*word));
        if bytes != payload(number) {
            return Err(format!("an item came broken: {bytes:?}"));
        }
        match self.came.get_mut(number as usize) {
            Some(came) if !*came => *came = true,
            Some(_) => return Err(format!("item {number} came twice")),
            None => return Err(format!("item {number} was never sent")),
        }
        self.left -= 1;
        Ok(())
    }

    /// Items that did not come yet.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::{Seen, payload};

    #[test]
    fn each_item_counts_once_and_whole() {
        let mut seen = Seen::new(2);
        assert_eq!((seen.note(&payload(1)), seen.left()), (Ok(()), 1));
        assert!(seen.note(&payload(1)).is_err_and(|why| why.contains("twice")));
        assert!(seen.note(&payload(2)).is_err_and(|why| why.contains("never")));
        let mut broken = payload(0);
        broken[63] ^= 1;
        assert!(seen.note(&broken).is_err_and(|why| why.contains("broken")));
        assert!(seen.note(&payload(0)[..32]).is_err_and(|why| why.contains("broken")));
        assert_eq!((seen.note(&payload(0)), seen.left()), (Ok(()), 0));
    }
}
