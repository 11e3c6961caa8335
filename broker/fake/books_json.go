package fake

import (
	"encoding/json"
	"fmt"

	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// maxBooks bounds encoded books, in bytes.
const maxBooks = 1 << 30

// EncodeBooks returns the books as JSON. The same books give the same bytes.
func EncodeBooks(k *Books) ([]byte, error) {
	data, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("fake: encode books: %w", err)
	}
	return data, nil
}

// DecodeBooks reads what [EncodeBooks] wrote, strictly: unknown and duplicate
// fields and another schema are errors. Whether a broker can go on from them
// depends on its configuration, and [New] tells.
func DecodeBooks(data []byte) (Books, error) {
	var k Books
	if err := strictjson.Decode(data, maxBooks, &k); err != nil {
		var peek struct {
			Schema int `json:"schema"`
		}
		if json.Unmarshal(data, &peek) == nil && peek.Schema > BooksSchema { // what it adds is not known here
			return Books{}, newerBooks(peek.Schema)
		}
		return Books{}, fmt.Errorf("fake: decode books: %w", err)
	}
	if k.Schema != BooksSchema {
		return Books{}, newerBooks(k.Schema)
	}
	return k, nil
}

func newerBooks(schema int) error {
	return fmt.Errorf("fake: decode books: schema is %d, this release knows %d", schema, BooksSchema)
}
