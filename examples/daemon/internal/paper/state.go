package paper

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// stateSchema is the version of the file.
const stateSchema = 1

// state is what outlives the process.
type state struct {
	Schema   int                          `json:"schema"`
	Day      int                          `json:"day"` // of the market
	Accounts map[broker.AccountID]holding `json:"accounts"`
	// Orders are those that were received, the newest last.
	Orders []broker.OrderID `json:"orders,omitempty"`
}

// holding is what an account has.
type holding struct {
	Cash      map[broker.Currency]decimal.Decimal     `json:"cash"`
	Positions map[broker.InstrumentID]decimal.Decimal `json:"positions"`
}

// keptOrders is how many received orders are remembered.
const keptOrders = 1000

// load reads the state, nil if there is none yet.
func load(path string) (*state, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // a new account
	}
	if err != nil {
		return nil, fmt.Errorf("paper: %w", err)
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("paper: %s is damaged: %w: move it and the journal away to begin anew", path, err)
	}
	if s.Schema != stateSchema {
		return nil, fmt.Errorf("paper: %s has schema %d, this release knows %d", path, s.Schema, stateSchema)
	}
	return &s, nil
}

// save replaces the file in one step.
func (s *state) save(path string) error {
	data, err := json.MarshalIndent(s, "", "  ")
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
	}
	return err
}
