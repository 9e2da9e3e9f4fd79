//! How long signed metadata are valid, and when they are signed anew. Pure.

use std::time::{Duration, SystemTime};

use tough::schema::RoleType;

const DAY: Duration = Duration::from_hours(24);

/// How long what a role signs is valid from its signing on. The shorter, the sooner a stolen copy of old metadata is
/// refused, and the sooner a coordinator that is switched off has to sign anew before its nodes take bundles again (which
/// it does when it starts).
pub(super) const fn lifetime(role: RoleType) -> Duration {
    let days = match role {
        RoleType::Timestamp => 7,
        RoleType::Snapshot | RoleType::Targets | RoleType::DelegatedTargets => 180,
        // The root's key may lie in a drawer; somebody has to fetch it once in half that time.
        RoleType::Root => 3 * 365,
    };
    Duration::from_secs(DAY.as_secs() * days)
}

/// Whether something has to be signed anew: at half of its life, so that there is time to notice when that fails.
pub(super) fn due(role: RoleType, expires: SystemTime, now: SystemTime) -> bool {
    expires.duration_since(now).map_or(true, |left| left < lifetime(role) / 2)
}

/// The version that follows `last`. At least the time in seconds, so that a repository that was restored from a backup
/// goes on above everything it had published before it was lost, and no node takes it for a rollback.
pub(super) fn next_version(last: Option<u64>, now: SystemTime) -> u64 {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(1, |since| since.as_secs().max(1));
    last.map_or(seconds, |last| last.saturating_add(1).max(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_due_from_half_of_their_life_on_and_when_they_are_over() {
        let now = SystemTime::UNIX_EPOCH + 1_000 * DAY;
        for (days, expected) in [(7, false), (4, false), (3, true), (0, true)] {
            assert_eq!(due(RoleType::Timestamp, now + days * DAY, now), expected, "{days}");
        }
        assert!(due(RoleType::Root, now - DAY, now));
    }

    #[test]
    fn versions_only_grow_and_outrun_what_a_lost_disk_had() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(5_000);
        assert_eq!(next_version(None, now), 5_000);
        assert_eq!(next_version(Some(4_000), now), 5_000);
        assert_eq!(next_version(Some(5_000), now), 5_001);
        assert_eq!(next_version(Some(9_000), now), 9_001, "the clock was stepped back");
        assert_eq!(next_version(None, SystemTime::UNIX_EPOCH), 1);
    }
}
