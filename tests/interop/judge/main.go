// Judge an exported log with Go's own transparency log packages: judge DIR VKEY-FILE [OLD-CHECKPOINT] [PROOF …]
//
// Only this file is ours; notes, tiles, records and proofs are read and checked by golang.org/x/mod/sumdb.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type directory struct{ root string }

func (d directory) Height() int                                { return 8 }
func (d directory) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

// Go's own paths have the height in front; those of tlog-tiles do not.
func (d directory) path(t tlog.Tile, entries bool) string {
	path := strings.TrimPrefix(t.Path(), "tile/8/")
	if entries {
		path = "entries/" + strings.TrimPrefix(path, "0/")
	}
	return filepath.Join(d.root, "tile", path)
}

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(d.path(tile, false))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func fail(format string, values ...interface{}) {
	fmt.Printf(format+"\n", values...)
	os.Exit(1)
}

func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func open(text []byte, verifier note.Verifier) tlog.Tree {
	opened, err := note.Open(text, note.VerifierList(verifier))
	must(err, "note")
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail("this is no checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, "size")
	root, err := tlog.ParseHash(lines[2])
	must(err, "root")
	return tlog.Tree{N: size, Hash: root}
}

func entriesOf(d directory, size int64) [][]byte {
	var entries [][]byte
	for number := int64(0); number*256 < size; number++ {
		width := size - number*256
		if width > 256 {
			width = 256
		}
		bundle, err := os.ReadFile(d.path(tlog.Tile{H: 8, L: 0, N: number, W: int(width)}, true))
		must(err, "bundle")
		for len(bundle) > 0 {
			length := int(binary.BigEndian.Uint16(bundle)) + 2
			if length > len(bundle) {
				fail("a bundle ends in the middle of an entry")
			}
			entries = append(entries, bundle[2:length])
			bundle = bundle[length:]
		}
	}
	return entries
}

func checkProof(path string, verifier note.Verifier) {
	text, err := os.ReadFile(path)
	must(err, "proof")
	parts := strings.SplitN(string(text), "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	must(err, "extra")
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	must(err, "index")
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		must(err, "hash")
		proof = append(proof, hash)
	}
	tree := open([]byte(parts[1]), verifier)
	must(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)), "record")
}

func main() {
	d := directory{os.Args[1]}
	vkey, err := os.ReadFile(os.Args[2])
	must(err, "vkey")
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	must(err, "vkey")
	signed, err := os.ReadFile(filepath.Join(d.root, "checkpoint"))
	must(err, "checkpoint")
	tree := open(signed, verifier)
	reader := tlog.TileHashReader(tree, d)
	entries := entriesOf(d, tree.N)
	if int64(len(entries)) != tree.N {
		fail("%d entries, %d were signed", len(entries), tree.N)
	}
	var places []int64
	for number := range entries {
		places = append(places, tlog.StoredHashIndex(0, int64(number)))
	}
	hashes, err := reader.ReadHashes(places)
	must(err, "tiles")
	for number, entry := range entries {
		if tlog.RecordHash(entry) != hashes[number] {
			fail("entry %d is not the one that was signed", number)
		}
	}
	for _, path := range os.Args[3:] {
		if strings.HasSuffix(path, ".tlog-proof") {
			checkProof(path, verifier)
			continue
		}
		text, err := os.ReadFile(path)
		must(err, "old checkpoint")
		old := open(text, verifier)
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		must(err, "consistency")
		must(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash), "consistency")
	}
	fmt.Printf("ok %d\n", tree.N)
}
