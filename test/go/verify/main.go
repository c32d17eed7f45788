// SPDX-License-Identifier: Apache-2.0

// verify checks a log folder without any of Amane's code: golang.org/x/mod's sumdb/note and
// sumdb/tlog, and the few lines below for cosignatures and the quorum.
//
//	verify DIR POLICY
//
// POLICY is a C2SP tlog-policy file. Checked: the log's signature on DIR/checkpoint; the
// cosignatures and the quorum on DIR/checkpoint.cosigned (unless the quorum is "none"); the
// root recomputed from the tiles and again from the entry bundles; 50 inclusion proofs; a
// consistency proof. Exit 1 names what failed.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
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

func die(format string, a ...interface{}) {
	fmt.Printf("FAILED: "+format+"\n", a...)
	os.Exit(1)
}

// cosigner verifies cosignature/v1 (key type 0x04): timestamp || Ed25519 signature over
// "cosignature/v1\ntime <seconds>\n" + note text.
type cosigner struct {
	name string
	hash uint32
	pub  ed25519.PublicKey
}

func newCosigner(vkey string) cosigner {
	f := strings.SplitN(vkey, "+", 3)
	if len(f) != 3 {
		die("witness key %q", vkey)
	}
	key, err := base64.StdEncoding.DecodeString(f[2])
	if err != nil || len(key) != 33 || key[0] != 4 {
		die("witness key %q is not of type 4", vkey)
	}
	sum := sha256.Sum256([]byte(f[0] + "\n" + string(key)))
	hash := binary.BigEndian.Uint32(sum[:4])
	if fmt.Sprintf("%08x", hash) != f[1] {
		die("witness key %q: wrong key id", vkey)
	}
	return cosigner{f[0], hash, ed25519.PublicKey(key[1:])}
}

func (c cosigner) verify(text string, sig note.Signature) bool {
	raw, err := base64.StdEncoding.DecodeString(sig.Base64)
	if err != nil || len(raw) != 4+8+64 {
		return false
	}
	t := binary.BigEndian.Uint64(raw[4:])
	return ed25519.Verify(c.pub, []byte(fmt.Sprintf("cosignature/v1\ntime %d\n%s", t, text)), raw[12:])
}

type policy struct {
	log       note.Verifier
	witness   map[string]cosigner
	threshold map[string]int
	member    map[string][]string
	quorum    string
}

func readPolicy(path string) *policy {
	text, err := os.ReadFile(path)
	if err != nil {
		die("policy: %v", err)
	}
	p := &policy{witness: map[string]cosigner{}, threshold: map[string]int{}, member: map[string][]string{}}
	for _, line := range strings.Split(string(text), "\n") {
		w := strings.Fields(line)
		switch {
		case len(w) == 0 || w[0][0] == '#':
		case w[0] == "log":
			if p.log, err = note.NewVerifier(w[1]); err != nil {
				die("policy: log key: %v", err)
			}
		case w[0] == "witness":
			p.witness[w[1]] = newCosigner(w[2])
		case w[0] == "group":
			k, err := strconv.Atoi(w[2])
			if w[2] == "any" {
				k = 1
			} else if w[2] == "all" {
				k = len(w) - 3
			} else if err != nil {
				die("policy: %q", line)
			}
			p.threshold[w[1]], p.member[w[1]] = k, w[3:]
		case w[0] == "quorum":
			p.quorum = w[1]
		default:
			die("policy: %q", line)
		}
	}
	return p
}

func (p *policy) met(name string, signed map[string]bool) bool {
	if k, ok := p.threshold[name]; ok {
		for _, m := range p.member[name] {
			if p.met(m, signed) {
				k--
			}
		}
		return k <= 0
	}
	return signed[name]
}

// open checks the log's signature and returns the tree and the witnesses that cosigned.
func (p *policy) open(path string) (tree tlog.Tree, signed map[string]bool) {
	msg, err := os.ReadFile(path)
	if err != nil {
		die("checkpoint: %v", err)
	}
	n, err := note.Open(msg, note.VerifierList(p.log))
	if err != nil {
		die("checkpoint signature: %s: %v", filepath.Base(path), err)
	}
	line := strings.Split(n.Text, "\n")
	if len(line) != 4 || line[0] != p.log.Name() {
		die("checkpoint body: %q", n.Text)
	}
	size, err := strconv.ParseInt(line[1], 10, 64)
	hash, err2 := tlog.ParseHash(line[2])
	if err != nil || err2 != nil {
		die("checkpoint body: %q", n.Text)
	}
	signed = map[string]bool{}
	for _, s := range n.UnverifiedSigs {
		for name, c := range p.witness {
			if s.Name == c.name && s.Hash == c.hash {
				if !c.verify(n.Text, s) {
					die("cosignature of %s on %s", name, filepath.Base(path))
				}
				signed[name] = true
			}
		}
	}
	return tlog.Tree{N: size, Hash: hash}, signed
}

// tiles reads C2SP paths: no height in the path, unlike tlog.Tile.Path().
type tiles string

func tilePath(level string, n int64, width int) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	if width < 256 {
		s += fmt.Sprintf(".p/%d", width)
	}
	return filepath.Join("tile", level, s)
}

func (d tiles) Height() int                         { return 8 }
func (d tiles) SaveTiles(t []tlog.Tile, b [][]byte) {}
func (d tiles) ReadTiles(t []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, one := range t {
		path := tilePath(strconv.Itoa(one.L), one.N, one.W)
		b, err := os.ReadFile(filepath.Join(string(d), path))
		if os.IsNotExist(err) && one.W < 256 { // the full tile may have replaced it
			b, err = os.ReadFile(filepath.Join(string(d), tilePath(strconv.Itoa(one.L), one.N, 256)))
			if err == nil && len(b) >= one.W*tlog.HashSize {
				b = b[:one.W*tlog.HashSize]
			}
		}
		if err != nil {
			return nil, err
		}
		if len(b) != one.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", path, len(b))
		}
		out = append(out, b)
	}
	return out, nil
}

// fromEntries recomputes every hash of the tree from the entry bundles.
func fromEntries(dir string, size int64) (entries [][]byte, hashes []tlog.Hash) {
	reader := tlog.HashReaderFunc(func(index []int64) (out []tlog.Hash, err error) {
		for _, i := range index {
			out = append(out, hashes[i])
		}
		return
	})
	for at := int64(0); at < size; at += 256 {
		width := size - at
		if width > 256 {
			width = 256
		}
		path := tilePath("entries", at/256, int(width))
		b, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			die("entries: %v", err)
		}
		for i := int64(0); i < width; i++ {
			if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
				die("entry bundle %s is cut", path)
			}
			n := 2 + int(binary.BigEndian.Uint16(b))
			h, err := tlog.StoredHashes(at+i, b[2:n], reader)
			if err != nil {
				die("entry %d: %v", at+i, err)
			}
			entries, hashes, b = append(entries, b[2:n]), append(hashes, h...), b[n:]
		}
		if len(b) != 0 {
			die("entry bundle %s is too long", path)
		}
	}
	return
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: verify DIR POLICY")
		os.Exit(2)
	}
	dir, p := os.Args[1], readPolicy(os.Args[2])
	tree, _ := p.open(filepath.Join(dir, "checkpoint"))
	old := tlog.Tree{N: tree.N / 2}
	if p.quorum != "none" {
		var signed map[string]bool
		old, signed = p.open(filepath.Join(dir, "checkpoint.cosigned"))
		if !p.met(p.quorum, signed) {
			die("quorum %s: %d of %d witnesses", p.quorum, len(signed), len(p.witness))
		}
	}
	entries, hashes := fromEntries(dir, tree.N)
	mine := tlog.HashReaderFunc(func(index []int64) (out []tlog.Hash, err error) {
		for _, i := range index {
			out = append(out, hashes[i])
		}
		return
	})
	if tree.N == 0 {
		if empty := sha256.Sum256(nil); !bytes.Equal(tree.Hash[:], empty[:]) {
			die("root of the empty log")
		}
		fmt.Println("verified: empty log")
		return
	}
	if root, err := tlog.TreeHash(tree.N, mine); err != nil || root != tree.Hash {
		die("root from the entry bundles differs from the checkpoint")
	}
	// The reader refuses tiles that do not lead to the checkpoint's root.
	reader := tlog.TileHashReader(tree, tiles(dir))
	if root, err := tlog.TreeHash(tree.N, reader); err != nil || root != tree.Hash {
		die("root from the tiles: %v", err)
	}
	step := tree.N/50 + 1
	count := 0
	for i := int64(0); i < tree.N; i += step {
		proof, err := tlog.ProveRecord(tree.N, i, reader)
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash(entries[i]))
		}
		if err != nil {
			die("inclusion of entry %d: %v", i, err)
		}
		count++
	}
	if old.N > 0 && old.Hash == (tlog.Hash{}) {
		old.Hash, _ = tlog.TreeHash(old.N, mine)
	}
	if old.N > tree.N {
		die("checkpoint.cosigned is larger than checkpoint")
	} else if old.N > 0 {
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		if err == nil {
			err = tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
		}
		if err != nil {
			die("consistency from %d to %d: %v", old.N, tree.N, err)
		}
	}
	fmt.Printf("verified: %d entries, %d inclusion proofs, consistent since %d\n", tree.N, count, old.N)
}
