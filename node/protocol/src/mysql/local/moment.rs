//! Moments: kept as seconds since 1970, shown as dates in UTC.

use crate::mysql::DateTime;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The date of a moment in UTC. Outside the years 0 to 9999 it is the zero date.
#[expect(clippy::arithmetic_side_effects, reason = "what is not saturated is less than an era")]
pub(super) fn date(seconds: i64) -> DateTime {
    // Days are counted from 1 March of the year 0, so that leap days come last in their year (Howard Hinnant's algorithm).
    let days = seconds.div_euclid(DAY).saturating_add(719_468);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era_years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_era_years + of_era_years / 4 - of_era_years / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = era.saturating_mul(400).saturating_add(of_era_years).saturating_add(i64::from(month <= 2));
    let time = seconds.rem_euclid(DAY);
    let part = |value: i64| u8::try_from(value).unwrap_or(0);
    match u16::try_from(year) {
        Ok(year @ 0..=9_999) => DateTime {
            year,
            month: part(month),
            day: part(day),
            hour: part(time / 3_600),
            minute: part(time / 60 % 60),
            second: part(time % 60),
            micro: 0,
        },
        Ok(_) | Err(_) => DateTime::default(),
    }
}

/// The moment of a date in UTC.
#[expect(clippy::arithmetic_side_effects, reason = "the parts of a date are small")]
pub(super) fn seconds(date: &DateTime) -> i64 {
    let (month, day) = (i64::from(date.month), i64::from(date.day));
    let year = i64::from(date.year) - i64::from(month <= 2);
    let (era, of_era_years) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let of_era = of_era_years * 365 + of_era_years / 4 - of_era_years / 100 + of_year;
    let days = era * 146_097 + of_era - 719_468;
    days * DAY + i64::from(date.hour) * 3_600 + i64::from(date.minute) * 60 + i64::from(date.second)
}

/// Reads `2026-02-15 12:00:00` or `2026-02-15`.
pub(super) fn parse(text: &str) -> Option<i64> {
    let mut numbers = text.split(['-', ' ', ':', 'T']).map(str::parse::<u16>);
    let mut next = || numbers.next().and_then(Result::ok);
    let (year, month, day) = (next()?, next()?, next()?);
    let small = |value: Option<u16>| u8::try_from(value.unwrap_or(0)).ok();
    let (hour, minute, second) = (small(next())?, small(next())?, small(next())?);
    let legal = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let date = DateTime { year, month: small(Some(month))?, day: small(Some(day))?, hour, minute, second, micro: 0 };
    legal.then(|| seconds(&date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_dates_are_the_same_thing() {
        for (text, moment) in [
            ("1970-01-01 00:00:00", 0),
            ("2000-02-29 23:59:59", 951_868_799),
            ("2026-11-24 07:24:01", 1_795_505_041),
            ("1969-12-31 23:59:59", -1),
        ] {
            assert_eq!(parse(text), Some(moment), "{text}");
            assert_eq!(date(moment).to_string(), text);
        }
        assert_eq!(parse("2026-02-15"), parse("2026-02-15 00:00:00"));
        assert_eq!((parse("never"), parse("2026-13-01"), parse("2026-01-01 24:00:00")), (None, None, None));
        assert_eq!(date(i64::MAX), DateTime::default());
        assert_eq!(date(i64::MIN), DateTime::default());
    }
}
