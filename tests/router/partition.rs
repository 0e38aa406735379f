use std::{borrow::Cow, sync::Arc};

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

/// The same of numbers, as the reference implementation hashes their bytes, the lowest first.
#[test]
fn vectors_of_numbers() {
    assert_eq!(7_u8.hash64(), 0x4C5C_CA45_D0F4_811F);
    assert_eq!(7_u16.hash64(), 0xF632_74EA_EEDF_0EEC);
    assert_eq!(7_u32.hash64(), 0x57AE_4481_1628_C14C);
    assert_eq!(7_u64.hash64(), 0x8167_1E58_D6B5_96AF);
    assert_eq!(7_u128.hash64(), 0x47D3_1199_58A8_DBBE);
    assert_eq!((-1_i8).hash64(), 0xD6BC_EC3C_6B29_D72E);
    assert_eq!((-1_i16).hash64(), 0xB258_05C5_94DE_C06B);
    assert_eq!((-1_i32).hash64(), 0xCD6B_1C92_0D3F_662C);
    assert_eq!((-1_i64).hash64(), 0x5111_C7E4_7D78_4413);
    assert_eq!((-1_i128).hash64(), 0x722A_202F_07A4_B313);
    assert_eq!(7_usize.hash64(), 7_u64.hash64(), "the same on a machine of 32 bits");
    assert_eq!((-1_isize).hash64(), (-1_i64).hash64());
    assert_eq!([2, 3, 16, 1024].map(|count| shard_of(&7_usize, count)), [1, 1, 8, 517]);
    assert_eq!([2, 3, 16, 1024].map(|count| shard_of(&7_u8, count)), [0, 0, 4, 305]);
}

/// The same bytes are the same key, whatever they are called.
#[test]
fn a_key_is_its_bytes() {
    assert_eq!("SPY".hash64(), b"SPY".hash64());
    assert_eq!("SPY".hash64(), b"SPY"[..].hash64());
    assert_eq!("SPY".hash64(), "SPY".to_owned().hash64());
    assert_eq!("SPY".hash64(), b"SPY".to_vec().hash64());
    assert_eq!("SPY".hash64(), (&&"SPY").hash64());
    assert_eq!("SPY".hash64(), Box::<str>::from("SPY").hash64());
    assert_eq!("SPY".hash64(), Arc::<str>::from("SPY").hash64());
    assert_eq!("SPY".hash64(), Cow::Borrowed("SPY").hash64());
    assert_eq!("SPY".hash64(), Cow::<str>::Owned("SPY".to_owned()).hash64());
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
