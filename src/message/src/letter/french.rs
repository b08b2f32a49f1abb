//! French. A space before a colon does not break (U+00A0), except in text messages: that one is none of the characters
//! that fit 160 to a text (GSM 03.38), and neither are most of the accents.

use super::Phrases;

pub(super) const PHRASES: Phrases = Phrases {
    code_subject: "{code} est votre code de connexion à {host}",
    code_text: "\
{code}

est le code pour se connecter en tant que {user} à {host}.

  Demandé par  {service}
  Depuis       {from}
  Le           {time}
  Valable      {lifetime}, une seule fois

Si vous ne l’avez pas demandé, quelqu’un d’autre est en train de se
connecter en tant que {user}\u{a0}: changez votre mot de passe et prévenez
votre administrateur. Ne donnez ce code à personne, quelle que soit la
personne qui vous le demande.
",
    rescue_subject: "{user} demande de l’aide pour se connecter à {host} [{reference}]",
    rescue_text: "\
Quelqu’un se connecte en tant que {user}, ne peut pas donner de second
facteur et demande votre aide.

  Utilisateur  {user}
  Machine      {host}
  Service      {service}
  Depuis       {from}
  Terminal     {tty}
  Le           {time}
  Référence    {reference}

Rien n’a été accordé. Assurez-vous que c’est bien {user} qui demande\u{a0}:
rappelez à un numéro que vous connaissez, car cet e-mail ne prouve rien.
Émettez ensuite un code à usage unique, et lisez-le-lui\u{a0}:

  {command}

Si ce n’est pas {user}, quelqu’un d’autre a franchi le premier facteur\u{a0}:
le mot de passe ou la clé doit être changé.
",
    notice_subject: "{what}\u{a0}: {user} sur {host}",
    notice_text: "\
{what}\u{a0}: {user} sur {host}.

  {detail}
  Par     {service}
  Depuis  {from}
  Le      {time}

Si ce n’était pas vous, prévenez immédiatement votre administrateur.
",
    sms_text: "{code} est votre code de connexion pour {user} sur {host}, demandé par {service} ({from}). Pas vous ? Prévenez votre administrateur.",
    method_added: "Un second facteur a été ajouté",
    method_removed: "Un second facteur a été retiré",
    recovery_used: "Un code de secours a été utilisé",
    locked: "Connexions bloquées après trop de codes incorrects",
    this_host: "cette machine",
    this_terminal: "cette machine, terminal {tty}",
    no_terminal: "aucun",
    hours: ("heure", "heures"),
    minutes: ("minute", "minutes"),
    seconds: ("seconde", "secondes"),
};
