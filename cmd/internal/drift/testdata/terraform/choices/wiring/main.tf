variable "ids" {
  type = map(string)
}

output "target" {
  value = var.ids.target
}
