package paper

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// The file is a JSON object: schema, the day of the market, and the books of the
// broker as fake.EncodeBooks writes them. In schema 1 there were, in place of the
// books, what the accounts hold and the IDs of the orders that were received.

// stateSchema is the version of the file that this release writes.
const stateSchema = 2

// maxState bounds the file, in bytes.
const maxState = 1 << 30

// state is what outlives the process.
type state struct {
	Schema int             `json:"schema"`
	Day    int             `json:"day"` // of the market
	Books  json.RawMessage `json:"books"`
}

// oldState is schema 1.
type oldState struct {
	Schema   int                             `json:"schema"`
	Day      int                             `json:"day"`
	Accounts map[broker.AccountID]oldHolding `json:"accounts"`
	Orders   []broker.OrderID                `json:"orders,omitempty"`
}

type oldHolding struct {
	Cash      map[broker.Currency]decimal.Decimal     `json:"cash"`
	Positions map[broker.InstrumentID]decimal.Decimal `json:"positions"`
}

// load reads the file: the day of the market, and the books, nil if there is no
// file yet. Old files are of now.
func load(path string, now time.Time) (day int, books *fake.Books, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, fmt.Errorf("paper: %w", err)
	}
	var head struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return 0, nil, damaged(path, err)
	}
	switch head.Schema {
	case stateSchema:
		day, books, err = readState(data)
	case 1:
		day, books, err = readOldState(data, now)
	default:
		return 0, nil, fmt.Errorf("paper: %s has schema %d, this release knows %d", path, head.Schema, stateSchema)
	}
	if err != nil {
		return 0, nil, damaged(path, err)
	}
	return day, books, nil
}

func damaged(path string, err error) error {
	return fmt.Errorf("paper: %s is damaged: %w: move it and the journal away to begin anew", path, err)
}

func readState(data []byte) (int, *fake.Books, error) {
	var s state
	if err := strictjson.Decode(data, maxState, &s); err != nil {
		return 0, nil, err
	}
	if s.Day < 0 {
		return 0, nil, fmt.Errorf("day is %d", s.Day)
	}
	books, err := fake.DecodeBooks(s.Books)
	return s.Day, &books, err
}

// lateNumber is a number of orders and executions that no file of schema 1 can
// have reached: it did not tell which were used.
const lateNumber = 1_000_000

// readOldState makes books of an old file. Its orders count as forgotten.
func readOldState(data []byte, now time.Time) (int, *fake.Books, error) {
	var s oldState
	if err := strictjson.Decode(data, maxState, &s); err != nil {
		return 0, nil, err
	}
	if s.Day < 0 {
		return 0, nil, fmt.Errorf("day is %d", s.Day)
	}
	books := &fake.Books{Schema: fake.BooksSchema, Time: now, Epoch: 1, NextOrder: lateNumber, NextFill: lateNumber}
	for id, h := range s.Accounts {
		books.Accounts = append(books.Accounts, fake.KeptAccount{ID: id, Cash: h.Cash, Positions: h.Positions})
	}
	slices.SortFunc(books.Accounts, func(a, b fake.KeptAccount) int { return cmp.Compare(a.ID, b.ID) })
	for _, id := range s.Orders {
		books.Forgotten.Add(id)
	}
	return s.Day, books, nil
}

// save replaces the file in one step.
func save(path string, day int, books *fake.Books) error {
	encoded, err := fake.EncodeBooks(books)
	if err != nil {
		return err
	}
	data, err := json.Marshal(state{Schema: stateSchema, Day: day, Books: encoded})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename outlive a loss of power.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
