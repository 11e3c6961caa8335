package journal

import (
	"encoding/json"
	"fmt"

	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// Records are stored as JSON objects with the version of the form, the grant
// under which the record was written, and the record under its kind:
//
//	{"schema":1,"grant":{"account":"U1","run":"e1/1","fence":7},"step":{"name":"plan",…}}
//
// The kinds are claim, step, intent, settlement, outcome, block, unblock, kill,
// resume and approval. Decimals are strings within the limits of broker.ParseDecimal,
// instants are RFC 3339 in UTC.

// RecordSchema is the newest version of the stored form that this release knows.
//
// Every field counts, optional ones too: a reader refuses what it does not know, and
// must be able to tell a newer release ([ErrNewerSchema]: update it) from damage
// ([ErrInvalid]). So from the first release on a new field raises the version, and
// each record is written with the lowest version that has all fields which are set
// in it: one that does without the new field stays readable for older processes of a
// fleet that is being updated. A field never changes its meaning or its default; that
// takes a new name. Until the first release fields may come and go within version 1.
const RecordSchema = 1

// maxRecord bounds a stored record, in bytes.
const maxRecord = MaxData + 1<<20

// Record is one stored record. Exactly one of its pointers is set.
type Record struct {
	// Grant is the one under which a step, an intent, a settlement or an
	// outcome was written; the other kinds have none.
	Grant Grant

	Claim      *Claim // as granted: with its number and fence
	Step       *Step
	Intent     *Intent // new, or with what was settled since
	Settlement *Settlement
	Outcome    *Outcome
	Block      *Block
	Unblock    *Unblock
	Kill       *Kill
	Resume     *Kill
	Approval   *Approval
}

// EncodeRecord returns the stored form of a record. It refuses with
// [ErrInvalid] what [DecodeRecord] could not read back.
func EncodeRecord(r Record) ([]byte, error) {
	form := r.form()
	r, err := form.record() // a copy, in UTC
	if err != nil {
		return nil, fmt.Errorf("journal: encode record: %w", err)
	}
	data, err := json.Marshal(r.form())
	if err != nil {
		return nil, fmt.Errorf("journal: encode record: %w: %w", ErrInvalid, err)
	}
	if _, err := DecodeRecord(data); err != nil {
		return nil, fmt.Errorf("journal: encode record: it could not be read back: %w", err)
	}
	return data, nil
}

// DecodeRecord reads the stored form of a record strictly: unknown, duplicate
// and missing fields, and numbers out of bounds, are [ErrInvalid]; a record of
// a newer release is [ErrNewerSchema].
func DecodeRecord(data []byte) (Record, error) {
	var form recordForm
	if err := strictjson.Decode(data, maxRecord, &form); err != nil {
		if newer := newerSchema(data); newer != nil {
			return Record{}, newer
		}
		return Record{}, fmt.Errorf("journal: decode record: %w: %w", ErrInvalid, err)
	}
	if form.Schema > RecordSchema {
		return Record{}, newerSchema(data)
	}
	if form.Schema != RecordSchema {
		return Record{}, fmt.Errorf("journal: decode record: %w: schema is %d, this release knows %d", ErrInvalid, form.Schema, RecordSchema)
	}
	r, err := form.record()
	if err != nil {
		return Record{}, fmt.Errorf("journal: decode record: %w", err)
	}
	return r, nil
}

// newerSchema returns an error if data says that it is of a newer release.
func newerSchema(data []byte) error {
	var peek struct {
		Schema int `json:"schema"`
	}
	if len(data) > maxRecord {
		return nil
	}
	// What else is wrong with it does not matter: 0 says that no schema was read.
	_ = json.Unmarshal(data, &peek)
	if peek.Schema <= RecordSchema {
		return nil
	}
	return fmt.Errorf("journal: decode record: %w: schema %d, this release knows %d: update it", ErrNewerSchema, peek.Schema, RecordSchema)
}

// check returns one error that names every fault of the record, or nil.
func (r *Record) check() error {
	var f faults
	kinds, granted := 0, false
	if r.Claim != nil {
		kinds++
		r.Claim.check(&f)
		if r.Claim.Number < 1 || r.Claim.Fence < 1 {
			f.add("number is %d, fence is %d: both count from 1", r.Claim.Number, r.Claim.Fence)
		}
	}
	if r.Step != nil {
		kinds, granted = kinds+1, true
		r.Step.check(&f)
	}
	if r.Intent != nil {
		kinds, granted = kinds+1, true
		r.Intent.checkRecorded(&f)
	}
	if r.Settlement != nil {
		kinds, granted = kinds+1, true
		r.Settlement.check(&f)
	}
	if r.Outcome != nil {
		kinds, granted = kinds+1, true
		r.Outcome.check(&f)
	}
	if r.Block != nil {
		kinds++
		r.Block.check(&f)
	}
	if r.Unblock != nil {
		kinds++
		r.Unblock.check(&f)
	}
	for _, k := range [...]*Kill{r.Kill, r.Resume} {
		if k != nil {
			kinds++
			k.check(&f)
		}
	}
	if r.Approval != nil {
		kinds++
		r.Approval.check(&f)
	}
	if kinds != 1 {
		f.add("it is of %d kinds, want one", kinds)
	}
	switch {
	case granted:
		r.Grant.check(&f)
	case r.Grant != Grant{}:
		f.add("it has a grant, its kind has none")
	}
	return f.err("record")
}

// checkRecorded notes every fault of an intent as it may be stored.
func (i *Intent) checkRecorded(f *faults) {
	i.check(f)
	s := i.Settlement
	if s == nil {
		if i.Answered {
			f.add("it is answered for, but not settled")
		}
		return
	}
	s.check(f)
	if s.Ref != i.Order.ID {
		f.add("its settlement is that of order %s", s.Ref)
	}
	if why := s.misfit(&i.Order); why != "" {
		f.add("%s", why)
	}
}
