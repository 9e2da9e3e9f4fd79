//! Which class may follow which: the job tree, pre-renewal (`e_job`, common/mmo.hpp).

/// What a class may become, besides itself.
const TREE: &[(i16, &[i16])] = &[
    // Novice: the first classes, super novice, gunslinger, ninja, taekwon, and a child when adopted.
    (0, &[1, 2, 3, 4, 5, 6, 23, 24, 25, 4046, 4023]),
    (1, &[7, 14, 4024]),
    (2, &[9, 16, 4025]),
    (3, &[11, 19, 20, 4026]),
    (4, &[8, 15, 4027]),
    (5, &[10, 18, 4028]),
    (6, &[12, 17, 4029]),
    (19, &[20, 4001]),
    (20, &[19, 4001]),
    // Taekwon: star gladiator, soul linker.
    (4046, &[4047, 4049]),
    // High novice and the transcendent classes.
    (4001, &[4002, 4003, 4004, 4005, 4006, 4007]),
    (4002, &[4008, 4015]),
    (4003, &[4010, 4017]),
    (4004, &[4012, 4020, 4021]),
    (4005, &[4009, 4016]),
    (4006, &[4011, 4019]),
    (4007, &[4013, 4018]),
    (4020, &[4021]),
    (4021, &[4020]),
    // Children.
    (4023, &[4024, 4025, 4026, 4027, 4028, 4029, 4045]),
    (4024, &[4030, 4037]),
    (4025, &[4032, 4039]),
    (4026, &[4034, 4042, 4043]),
    (4027, &[4031, 4038]),
    (4028, &[4033, 4041]),
    (4029, &[4035, 4040]),
    (4042, &[4043]),
    (4043, &[4042]),
];

/// `JOB_NOVICE_HIGH`.
const HIGH_NOVICE: i16 = 4001;

/// Second classes, which may be reborn.
const SECOND: [std::ops::RangeInclusive<i16>; 2] = [7..=12, 14..=20];

/// Whether a character may be of class `after` when it was of class `before`.
pub(super) fn may_become(before: i16, after: i16) -> bool {
    let follows = TREE.iter().any(|(class, next)| *class == before && next.contains(&after));
    before == after || follows || reborn(before, after)
}

/// Whether this is a rebirth, which starts again at level 1.
pub(super) fn reborn(before: i16, after: i16) -> bool {
    after == HIGH_NOVICE && SECOND.iter().any(|classes| classes.contains(&before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_novice_becomes_a_swordsman_and_no_lord_knight() {
        assert!(may_become(0, 1) && may_become(1, 7) && may_become(7, 4001) && may_become(4002, 4008));
        assert!(!may_become(0, 7) && !may_become(0, 4008) && !may_become(7, 1) && !may_become(4008, 4001));
        assert!(may_become(18, 18) && reborn(18, 4001) && !reborn(0, 4001));
    }
}
