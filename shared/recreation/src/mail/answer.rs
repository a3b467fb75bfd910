//! How a question is answered.

use super::draft::Draft;
use super::words::date;
use crate::text::Role;

impl Draft<'_> {
    /// The third line: until when, and what happens if nobody answers.
    pub(super) fn until(&mut self, until: i64, otherwise: &str) {
        let line = format!("Answer by {}. {otherwise}", date(until));
        self.say(&line);
    }

    /// The commands, and the page where there is one.
    pub(super) fn how_to_answer(&mut self, link: Option<&str>) {
        let ctx = self.ctx;
        self.page.section("To answer");
        self.say(&format!("With credentials of account {}, {}:", ctx.account, ctx.region));
        self.page.gap();
        let (yes, no) = (ctx.command("approve", ""), ctx.command("reject", " --reason '...'"));
        self.command(&yes);
        self.command(&no);
        if let Some(link) = link {
            self.page.gap();
            self.say(
                "Or on this page. Everybody who has the link can answer, so do not forward it:",
            );
            self.page.gap();
            // Signed, and of our own making: broken, it would be worth nothing.
            self.page.line(Role::Plain, &format!("    {link}"));
            self.link = Some(link.to_owned());
        }
    }
}
