# What differs from system to system. What has no default has to be given.

variable "name" {
  type        = string
  description = "Name of the experiment and of what belongs to it"
  default     = "ec2-latency"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,27}$", var.name))
    error_message = "The name must be up to 28 lower-case letters, digits and hyphens."
  }
}

variable "environment" {
  type        = string
  description = "Value of the tag chaos of what may be hit; nothing else is"
  default     = "staging"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+$", var.environment))
    error_message = "The environment must match ^[A-Za-z0-9_.-]+$."
  }
}

variable "selection" {
  type        = string
  description = "Which of the tagged instances, such as COUNT(1) or PERCENT(50), which is rounded down"
  default     = "COUNT(1)"

  validation {
    condition     = can(regex("^(COUNT\\([1-9][0-9]*\\)|PERCENT\\((100|[1-9][0-9]?)\\))$", var.selection))
    error_message = "The selection must match ^(COUNT\\([1-9][0-9]*\\)|PERCENT\\((100|[1-9][0-9]?)\\))$."
  }
}

variable "load_balancer" {
  type        = string
  description = "Application load balancer in front of it, such as app/staging/0123456789abcdef"

  validation {
    condition     = can(regex("^app/[^/]+/[0-9a-f]+$", var.load_balancer))
    error_message = "The load_balancer must match ^app/[^/]+/[0-9a-f]+$."
  }
}

variable "slow_seconds" {
  type        = number
  description = "Seconds that 5 in 100 answers take, at which the experiment is stopped"
  default     = 2

  validation {
    condition     = var.slow_seconds >= 1 && var.slow_seconds <= 60
    error_message = "The slow_seconds must be from 1 to 60."
  }
}

variable "network_interface" {
  type        = string
  description = "Network interface that is slowed down (ens5 on most instances of today, eth0 on older ones)"
  default     = "ens5"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*$", var.network_interface))
    error_message = "The network_interface must match ^[a-z][a-z0-9]*$."
  }
}

variable "delay_milliseconds" {
  type        = number
  description = "Delay of what leaves the instances"
  default     = 200

  validation {
    condition     = var.delay_milliseconds >= 1 && var.delay_milliseconds <= 10000
    error_message = "The delay_milliseconds must be from 1 to 10000."
  }
}

variable "minutes" {
  type        = number
  description = "How long the latency lasts"
  default     = 5

  validation {
    condition     = contains([1, 2, 5, 10, 15, 30], var.minutes)
    error_message = "The minutes must be one of 1, 2, 5, 10, 15, 30."
  }
}
