//! German.

use super::Phrases;

pub(super) const PHRASES: Phrases = Phrases {
    code_subject: "{code} ist Ihr Anmeldecode für {host}",
    code_text: "\
{code}

ist der Code für die Anmeldung als {user} auf {host}.

  Dienst   {service}
  Von      {from}
  Zeit     {time}
  Gültig   {lifetime}, einmal

Wenn nicht Sie ihn angefordert haben, meldet sich gerade jemand anderes
unter Ihrem Namen ({user}) an: Ändern Sie Ihr Passwort und sagen Sie es
Ihrer Administration. Geben Sie diesen Code an niemanden weiter, wer auch
immer danach fragt.
",
    rescue_subject: "{user} bittet um Hilfe bei der Anmeldung auf {host} [{reference}]",
    rescue_text: "\
Jemand meldet sich als {user} an, hat keinen zweiten Faktor zur Hand und
bittet Sie um Hilfe.

  Name       {user}
  Rechner    {host}
  Dienst     {service}
  Von        {from}
  Terminal   {tty}
  Zeit       {time}
  Referenz   {reference}

Noch ist nichts gewährt. Vergewissern Sie sich, dass wirklich {user}
fragt: Rufen Sie unter einer Nummer zurück, die Sie kennen, denn diese
E-Mail beweist nichts. Geben Sie dann einen Code aus, der einmal gilt,
und lesen Sie ihn vor:

  {command}

Ist es nicht {user}, so hat jemand anderes den ersten Faktor überwunden:
Passwort oder Schlüssel müssen ausgetauscht werden.
",
    notice_subject: "{what}: {user} auf {host}",
    notice_text: "\
{what}: {user} auf {host}.

  {detail}
  Durch  {service}
  Von    {from}
  Zeit   {time}

Wenn Sie das nicht waren, sagen Sie es sofort Ihrer Administration.
",
    sms_text: "{code} ist Ihr Anmeldecode für {user} auf {host}, angefordert von {service} ({from}). Waren Sie das nicht? Sagen Sie es Ihrer Administration.",
    method_added: "Ein zweiter Faktor wurde hinzugefügt",
    method_removed: "Ein zweiter Faktor wurde entfernt",
    recovery_used: "Ein Notfallcode wurde benutzt",
    locked: "Anmeldungen sind nach zu vielen falschen Codes gesperrt",
    this_host: "diesem Rechner",
    this_terminal: "diesem Rechner, Terminal {tty}",
    no_terminal: "keines",
    hours: ("Stunde", "Stunden"),
    minutes: ("Minute", "Minuten"),
    seconds: ("Sekunde", "Sekunden"),
};
