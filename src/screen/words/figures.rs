//! Times and dates as people in the tenant's country write them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use time::{Date, OffsetDateTime};
use tonewall_model::tenant::Tenant;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `1 Jan 2027`.
pub(in crate::screen) fn date(date: Date) -> String {
    let month = MONTHS[usize::from(u8::from(date.month())) - 1];
    format!("{} {month} {}", date.day(), date.year())
}

/// The time zone of a tenant's people.
pub(in crate::screen) struct Zone(TimeZone);

impl Zone {
    /// The tenant's; UTC where the name is not known, which its manifest's check refuses.
    pub fn of(tenant: &Tenant) -> Zone {
        Zone(TimeZone::get(&tenant.time_zone).unwrap_or(TimeZone::UTC))
    }

    /// `15:04`.
    pub fn time(&self, at: OffsetDateTime) -> String {
        let there = self.there(at);
        format!("{:02}:{:02}", there.hour(), there.minute())
    }

    /// `15:04` on the day of `now`, `21 Nov, 15:04` on another.
    pub fn moment(&self, at: OffsetDateTime, now: OffsetDateTime) -> String {
        let there = self.there(at);
        if there.date() == self.there(now).date() {
            return self.time(at);
        }
        format!("{} {}, {}", there.day(), MONTHS[there.month() as usize - 1], self.time(at))
    }

    /// The day that it is there.
    pub fn today(&self, now: OffsetDateTime) -> Date {
        let there = self.there(now);
        let month = time::Month::try_from(there.month().unsigned_abs()).unwrap_or(time::Month::January);
        Date::from_calendar_date(i32::from(there.year()), month, there.day().unsigned_abs())
            .unwrap_or(now.date())
    }

    fn there(&self, at: OffsetDateTime) -> jiff::civil::DateTime {
        let at = Timestamp::from_second(at.unix_timestamp()).unwrap_or_default();
        self.0.to_datetime(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_tenant() {
        let london = Zone(TimeZone::get("Europe/London").expect("bundled"));
        let at = |text: &str| {
            OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).expect("a time")
        };
        assert_eq!(london.time(at("2026-11-22T15:04:59Z")), "15:04");
        assert_eq!(london.time(at("2026-07-01T15:04:00Z")), "16:04");
        let now = at("2026-11-22T09:00:00Z");
        assert_eq!(london.moment(at("2026-11-22T08:00:00Z"), now), "08:00");
        assert_eq!(london.moment(at("2026-11-21T23:59:00Z"), now), "21 Nov, 23:59");
        assert_eq!(date(london.today(at("2026-06-30T23:30:00Z"))), "1 Jul 2026");
    }
}
