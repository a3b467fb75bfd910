use super::*;

#[test]
fn a_time_is_a_number_with_a_unit() {
    for (text, seconds) in
        [("30m", 1_800), ("24h", 86_400), ("7d", 604_800), ("1d 12h", 129_600), ("30d", 2_592_000)]
    {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
    }
    for odd in ["", "24", "h", "-1h", "tomorrow", "1 fortnight"] {
        let why = duration(odd).unwrap_err();
        assert_eq!(why, "give a number with a unit, such as 30m, 24h or 7d", "{odd}");
    }
}

#[test]
fn too_short_or_too_long_says_why() {
    assert!(duration("59s").unwrap_err().starts_with("at least a minute"));
    assert!(duration("30d 1s").unwrap_err().contains("write an exception, a Cedar policy"));
}
