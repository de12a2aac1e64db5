"""What the kernel offers for putting files into place; knows no wheels."""
