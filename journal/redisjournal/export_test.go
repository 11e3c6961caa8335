package redisjournal

import "github.com/evenkeel/evenkeel/journal"

// DecodeRun reads the fields of a run, names and values by turns.
func DecodeRun(id string, fields []any) (journal.Run, error) {
	return decodeRun(journal.RunID(id), fields)
}

// DecodeAnswer reads what a script answered: a standing.
func DecodeAnswer(answer any) (journal.Standing, error) {
	r, err := readReply(answer)
	if err == nil {
		err = r.verdict(of("read", "U1"), nil)
	}
	if err != nil {
		return journal.Standing{}, err
	}
	return decodeStanding("U1", r.list(1))
}
