//! `twofactor list`: everybody who is enrolled.

use std::path::Path;

use super::status::Report;
use crate::failure::Failure;
use crate::office::Office;
use crate::output::Output;
use crate::roll::Roll;

/// Runs the command. One user whose records cannot be read keeps nobody else off the list.
pub(crate) fn run(config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let names = office.registrar().enrolled()?;
    let roll = Roll::read();
    let mut reports = Vec::with_capacity(names.len());
    let mut broken = Vec::new();
    for name in &names {
        let report = match roll.find(name.as_str())? {
            Some(account) => Report::of(&office, &account),
            None => Err(Failure::new(
                format!("{} is enrolled but has no account any more", name.as_str()),
                format!("remove the enrolment: twofactor remove {}", name.as_str()),
            )),
        };
        match report {
            Ok(report) => reports.push(report),
            Err(failure) => broken.push(failure),
        }
    }
    output.answer(&table(&reports), &reports)?;
    let count = broken.len();
    match broken.pop() {
        None => Ok(()),
        Some(last) => {
            for failure in &broken {
                output.complain(failure)?;
            }
            let what = if count > 1 { format!("{} ({count} users in all)", last.what) } else { last.what.clone() };
            Err(Failure::new(what, last.hint))
        }
    }
}

fn table(reports: &[Report]) -> String {
    if reports.is_empty() {
        return "Nobody is enrolled.\n".to_owned();
    }
    let heading = ["USER", "DEVICES", "RECOVERY CODES", "CONDITION"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heading).chain(reports.iter().map(Report::row)).collect();
    let mut widths = [0; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
