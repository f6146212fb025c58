#![no_main]

use roadstead_model::SealingKey;

const KEY: SealingKey = SealingKey::new([7; 32]);
const OTHER_KEY: SealingKey = SealingKey::new([8; 32]);

libfuzzer_sys::fuzz_target!(|input: (Vec<&str>, &str, &str, usize, u8)| {
    let (listing, position, token, place, flip) = input;
    // The fuzzer cannot guess an authentication code.
    if let Ok(found) = KEY.open(&listing, token) {
        assert_eq!(KEY.seal(&listing, &found), token);
    }
    let sealed = KEY.seal(&listing, position);
    assert_eq!(KEY.open(&listing, &sealed).as_deref(), Ok(position));
    assert!(OTHER_KEY.open(&listing, &sealed).is_err());
    let longer = [listing.as_slice(), &[""]].concat();
    assert!(KEY.open(&longer, &sealed).is_err());
    let mut altered = sealed.clone().into_bytes();
    let place = place % altered.len();
    altered[place] ^= flip;
    if let Ok(altered) = std::str::from_utf8(&altered)
        && altered != sealed
    {
        assert!(KEY.open(&listing, altered).is_err());
    }
});
