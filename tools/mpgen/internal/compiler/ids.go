package compiler

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
)

// Ids that are not written in a schema follow from where the declaration
// stands: the first eight bytes, big endian, of the MD5 of the parent's id in
// little endian and of something that tells the declaration from its
// siblings. The highest bit is set.

const idBit = 1 << 63

func hashID(parent uint64, rest ...byte) uint64 {
	buf := binary.LittleEndian.AppendUint64(make([]byte, 0, 64), parent)
	sum := md5.Sum(append(buf, rest...))
	return binary.BigEndian.Uint64(sum[:]) | idBit
}

// childID is the id of a named declaration.
func childID(parent uint64, name string) uint64 {
	return hashID(parent, []byte(name)...)
}

// groupID is the id of the group or union that is field number index of its
// parent.
func groupID(parent uint64, index uint16) uint64 {
	return hashID(parent, byte(index), byte(index>>8))
}

// paramsID is the id of a method's implicit params or results struct.
func paramsID(iface uint64, ordinal uint16, results bool) uint64 {
	b := byte(0)
	if results {
		b = 1
	}
	return hashID(iface, byte(ordinal), byte(ordinal>>8), b)
}

// derivedFileID proposes an id for a file that has none. It is the same for
// the same text, so that a compiler run does not depend on chance.
func derivedFileID(path, src string) uint64 {
	h := sha256.New()
	h.Write([]byte(path))
	h.Write([]byte{0})
	h.Write([]byte(src))
	return binary.BigEndian.Uint64(h.Sum(nil)) | idBit
}
