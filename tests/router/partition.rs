use proptest::prelude::*;
use ringway::router::{Balance, Key, SHARDS_MAX, shard_of};

/// XXH3-64 of these is published, and the shards follow from `(hash * shards) >> 64`. They must never change: journals and
/// other processes go by them.
#[test]
fn vectors() {
    assert_eq!("".hash64(), 0x2D06_8005_38D3_94C2);
    assert_eq!("a".hash64(), 0xE6C6_32B6_1E96_4E1F);
    assert_eq!("abc".hash64(), 0x78AF_5F94_892F_3950);
    for (key, shards) in [("", [0, 0, 2, 180]), ("a", [1, 2, 14, 923]), ("abc", [0, 1, 7, 482])] {
        assert_eq!([2, 3, 16, 1024].map(|count| shard_of(key, count)), shards, "{key:?}");
    }
}

/// The same bytes are the same key, whatever they are called.
#[test]
fn a_key_is_its_bytes() {
    assert_eq!("SPY".hash64(), b"SPY".hash64());
    assert_eq!("SPY".hash64(), b"SPY"[..].hash64());
    assert_eq!("SPY".hash64(), "SPY".to_owned().hash64());
    assert_eq!("SPY".hash64(), b"SPY".to_vec().hash64());
    assert_eq!("SPY".hash64(), (&&"SPY").hash64());
    assert_eq!(0x0059_5053_u32.hash64(), b"SPY\0".hash64());
    assert_eq!((-1_i64).hash64(), u64::MAX.hash64());
    assert_ne!(7_u32.hash64(), 7_u64.hash64());
}

#[test]
fn shares_and_skew() {
    assert_eq!(Balance::of(&[]), None);
    assert_eq!(Balance::of(&[0, 0]), None);
    let balance = Balance::of(&[1, 6, 1]).unwrap();
    assert_eq!((balance.hottest, balance.share, balance.skew), (1, 0.75, 2.25));
    assert_eq!(balance.to_string(), "shard 1 got 75.0 %, 2.25 times an even share");
}

/// Many keys go to all shards, about evenly.
#[test]
fn keys_spread() {
    let mut counts = [0_u64; 16];
    (0..64_000_u64).for_each(|key| counts[shard_of(&key, 16)] += 1);
    let balance = Balance::of(&counts).unwrap();
    assert!(balance.skew < 1.1, "{balance}");
    assert!(counts.iter().all(|&count| count > 3600), "{counts:?}");
}

proptest! {
    #[test]
    fn a_shard_is_one_of_them(key in any::<u64>(), shards in 1..=SHARDS_MAX) {
        let shard = shard_of(&key, shards);
        prop_assert!(shard < shards);
        prop_assert_eq!(shard, ((u128::from(key.hash64()) * shards as u128) >> 64) as usize);
    }
}
