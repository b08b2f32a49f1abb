//! English.

use super::Phrases;

pub(super) const PHRASES: Phrases = Phrases {
    code_subject: "{code} is your login code for {host}",
    code_text: "\
{code}

is the code to log in as {user} on {host}.

  Asked for by  {service}
  From          {from}
  At            {time}
  Valid for     {lifetime}, once

If it was not you who asked, somebody else is logging in as {user}:
change your password and tell your administrator. Give this code to
nobody, whoever asks for it.
",
    rescue_subject: "{user} asks for help to log in to {host} [{reference}]",
    rescue_text: "\
Somebody who logs in as {user} cannot give a second factor and asks
for your help.

  User       {user}
  Host       {host}
  Service    {service}
  From       {from}
  Terminal   {tty}
  At         {time}
  Reference  {reference}

Nothing was granted. Make sure that it is {user} who asks: call back
on a number that you know, since this mail proves nothing. Then issue
a code that works once, and read it to them:

  {command}

If it is not {user}, somebody else has come past the first factor: the
password or the key has to be changed.
",
    notice_subject: "{what}: {user} on {host}",
    notice_text: "\
{what} for {user} on {host}.

  {detail}
  By    {service}
  From  {from}
  At    {time}

If this was not you, tell your administrator at once.
",
    sms_text: "{code} is your login code for {user} on {host}, asked for by {service} from {from}. Not you? Tell your administrator.",
    method_added: "A second factor was added",
    method_removed: "A second factor was removed",
    recovery_used: "A recovery code was used",
    locked: "Logins are locked after too many wrong codes",
    this_host: "this host",
    this_terminal: "this host, terminal {tty}",
    no_terminal: "none",
    hours: ("hour", "hours"),
    minutes: ("minute", "minutes"),
    seconds: ("second", "seconds"),
};
