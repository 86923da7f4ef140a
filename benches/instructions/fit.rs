//! The line that fits counts best, and the distance of the counts from it.

/// The line `start + slope · size`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) start: f64,
    pub(crate) slope: f64,
    /// The largest relative distance of a point.
    pub(crate) deviation: f64,
}

impl Line {
    pub(crate) fn at(&self, size: f64) -> f64 {
        self.start + self.slope * size
    }
}

/// Fits a line with the least squares of the *relative* distances, so that a small size counts as much as a large one.
pub(crate) fn line(points: &[(f64, f64)]) -> Line {
    let mean = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|&(x, y)| of(x, y) / (y * y)).sum::<f64>();
    let (one, x, xx) = (mean(&|_, _| 1.0), mean(&|x, _| x), mean(&|x, _| x * x));
    let (y, xy) = (mean(&|_, y| y), mean(&|x, y| x * y));
    let slope = (one * xy - x * y) / (one * xx - x * x);
    let mut line = Line { start: (y - slope * x) / one, slope, deviation: 0.0 };
    line.deviation = points.iter().map(|&(x, y)| (y / line.at(x) - 1.0).abs()).fold(0.0, f64::max);
    line
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_line_is_found_and_what_is_off_it_is_told() {
        let found = line(&[(10.0, 130.0), (100.0, 1_030.0), (1_000.0, 10_030.0)]);
        assert!((found.start - 30.0).abs() < 1e-6 && (found.slope - 10.0).abs() < 1e-6, "{found:?}");
        assert!(found.deviation < 1e-6, "{found:?}");
        assert!(line(&[(10.0, 100.0), (100.0, 10_000.0), (1_000.0, 1_000_000.0)]).deviation > 0.5);
    }
}
