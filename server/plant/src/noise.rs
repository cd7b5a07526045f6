//! Random numbers for sensors, clouds and draws: one seed gives independent, reproducible streams.

use rand::Rng;

/// Two independent draws from the standard normal distribution, by Marsaglia's polar method (1964). Its tails
/// are whole, which matters to rules that count samples beyond four standard deviations.
pub(crate) fn normal_pair(rng: &mut impl Rng) -> (f64, f64) {
    loop {
        let x = 2.0 * rng.random::<f64>() - 1.0;
        let y = 2.0 * rng.random::<f64>() - 1.0;
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            let scale = (-2.0 * square.ln() / square).sqrt();
            return (x * scale, y * scale);
        }
    }
}

/// The seed of one of many streams: a purpose and a number (of a day, a sensor …) mixed into the run's seed by
/// the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) fn stream(seed: u64, purpose: Purpose, number: i64) -> u64 {
    let mut mixed = seed;
    for word in [purpose as u64, number.cast_unsigned()] {
        mixed = mixed.wrapping_add(word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
    }
    mixed
}

/// What a stream is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Clouds = 1,
    Draws,
    Sensors,
    Contacts,
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn normal_draws_have_the_right_spread_and_tails() {
        let seed = 11;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let draws: Vec<f64> = (0..200_000)
            .flat_map(|_| {
                let (a, b) = normal_pair(&mut rng);
                [a, b]
            })
            .collect();
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        let beyond_three = draws.iter().filter(|x| x.abs() > 3.0).count() as f64 / n;
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.01, "{mean} {variance} (seed {seed})");
        assert!((beyond_three - 0.0027).abs() < 0.0005, "{beyond_three} (seed {seed})");
    }

    #[test]
    fn streams_differ() {
        let all = [stream(1, Purpose::Clouds, 0), stream(1, Purpose::Draws, 0), stream(1, Purpose::Clouds, 1)];
        assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
        assert_ne!(stream(1, Purpose::Clouds, 0), stream(2, Purpose::Clouds, 0));
    }
}
